-- Whether the deployment has loaded its past, and since when that is closed for good (docs/decisions/0040).
alter table deployment
    add column loading_since timestamptz,
    add column live_since    timestamptz;
