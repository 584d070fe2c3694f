"""docs/performance.md has exactly the figures that benchmarks have put into results.json."""

from __future__ import annotations

from bench import report, results
from bench.publication import Point, course_us
from bench.results import Round, Section

PAGE = "before\n<!-- results: a -->\nold\n<!-- end -->\nbetween\n<!-- results: b -->\n<!-- end -->\n"
ROUNDS = [Round(rate, {"contender": 1.0, "kafka": 0.5}, 100.0, 10) for rate in (1_000.0, 3_000.0, 2_000.0)]
SLOW = [Round(500.0, {"contender": 2.5, "kafka": 0.5}, 50.0, 10)]
SECTION = Section("make bench", "2026-01-01", "2 cores", 0.1, {"runner, 1 process": ROUNDS, "Kafka Streams": SLOW})


def test_the_page_and_the_picture_are_made_from_the_results() -> None:
    """Otherwise: python -m bench.report write."""
    assert report.outdated() == []


def test_every_section_of_the_results_is_on_the_page() -> None:
    text = report.PAGE.read_text(encoding="utf-8")
    assert [title for title in results.read() if f"<!-- results: {title} -->" not in text] == []


def test_a_section_is_made_anew_and_the_rest_of_the_page_stays() -> None:
    made = report.page(PAGE, {"a": SECTION})
    assert made.startswith("before\n<!-- results: a -->\n`make bench`, 2026-01-01, 2 cores.\n")
    assert "| runner, 1 process | 2,000 | 1,000 to 3,000 | 1.50 |" in made
    assert "4.00 times the rate, 0.50 times the CPU" in made
    assert "old" not in made
    assert made.endswith("between\n<!-- results: b -->\nNot measured yet.\n<!-- end -->\n")
    assert report.page(made, {"a": SECTION}) == made


def test_figures_of_a_busy_machine_are_said_to_be() -> None:
    busy = Section(SECTION.command, SECTION.taken, SECTION.machine, 12.0, SECTION.rows)
    assert "other things" in report.page(PAGE, {"a": busy})
    assert "other things" not in report.page(PAGE, {"a": SECTION})


def test_a_wrong_output_is_shown_in_place_of_what_was_compared() -> None:
    wrong = Section("x", "x", "x", 0.0, {"runner": [Round(1.0, {"contender": 1.0}, 1.0, 5, fault="7 are missing")]})
    assert "| 7 are missing |" in report.page(PAGE, {"a": wrong})


def test_the_course_of_a_long_run_is_told_tenth_by_tenth() -> None:
    rounds = [
        Round(1.0, {"scorer": 1.0}, course_us=course) for course in ([700.0, 710.0], [720.0, 800.0], [900.0, 705.0])
    ]
    page = report.page(PAGE, {"a": Section("x", "x", "x", 0.0, {"of 300,000 people": rounds})})
    assert "- of 300,000 people, CPU microseconds of each, tenth by tenth: 720, 710.\n" in page


def test_the_end_of_a_publication_belongs_to_its_last_tenth() -> None:
    done = [0, 100, 200, 300, 400, 500, 600, 700, 800, 900, 970, 1_000]
    points = [Point(people, 1.0, people * 0.5, 0.0, 1.0) for people in done]
    assert course_us(points) == [500_000.0] * 10


def test_what_was_sent_again_is_said() -> None:
    again = Section("x", "x", "x", 0.0, {"runner": [Round(1.0, {"contender": 1.0}, 1.0, 5, 3)]})
    assert "| 5 (3 sent again) |" in report.page(PAGE, {"a": again})
