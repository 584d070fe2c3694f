-- name: begin
update deployment set loading_since = clock_timestamp()
where loading_since is null and live_since is null and last_seen is null

-- name: past
select loading_since, live_since, last_seen from deployment

-- name: close
update deployment set live_since = clock_timestamp() where live_since is null

-- name: keep_last_seen
update deployment set last_seen = $1
