"""The dashboard and the alerts of docker/observability: what they ask for is there."""

import json
import re
from typing import Any

import pytest
import yaml

from app.main import create_app
from app.settings import Settings
from tests.app.asgi import get
from tests.needs import ROOT

FOLDER = ROOT / "docker/observability"
DASHBOARD = json.loads((FOLDER / "dashboards/secateurs.json").read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
RULES = [rule for group in yaml.safe_load((FOLDER / "rules.yml").read_text())["groups"] for rule in group["rules"]]
ASKED = [target["expr"] for panel in PANELS for target in panel["targets"]] + [rule["expr"] for rule in RULES]


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """The type of each metric that a service tells, by its name."""
    text = get(create_app(Settings(embedder="none")), "/metrics").text
    return dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE))


def metrics_in(expression: str) -> set[str]:
    """The names of our metrics in a PromQL expression."""
    return set(re.findall(r"\bsecateurs_\w+", expression))


def test_what_is_asked_for_is_told(told: dict[str, str]) -> None:
    """Each metric of each panel and alert, as the kind of number that it is."""
    known = {name for name, kind in told.items() if kind != "histogram"}
    parts = ("bucket", "count", "sum")
    known |= {f"{name}_{part}" for name, kind in told.items() if kind == "histogram" for part in parts}
    assert set() == {name for expression in ASKED for name in metrics_in(expression)} - known


def test_what_is_told_is_shown(told: dict[str, str]) -> None:
    """The dashboard leaves out none of our metrics."""
    shown = {re.sub(r"_(bucket|count|sum)$", "", name) for expression in ASKED for name in metrics_in(expression)}
    assert set() == {name for name in told if name.startswith("secateurs_") and not name.endswith("_created")} - shown


@pytest.mark.parametrize("expression", ASKED)
def test_only_counters_have_a_rate(expression: str) -> None:
    """And each counter has one: its number says nothing by itself."""
    counters = {name for name in metrics_in(expression) if re.search(r"_(total|bucket|count)$", name)}
    rated = set(re.findall(r"rate\((secateurs_\w+)", expression))
    assert counters == rated


def test_each_panel_says_what_it_shows() -> None:
    """By a title of its own and a unit, and each of its lines by a legend."""
    titles = [panel["title"] for panel in PANELS]
    assert len(set(titles)) == len(titles)
    assert all(panel["fieldConfig"]["defaults"]["unit"] for panel in PANELS)
    assert all(target["legendFormat"] for panel in PANELS for target in panel["targets"])


def test_the_parts_name_each_other() -> None:
    """Grafana its Prometheus, Prometheus the port on which the service tells its metrics, the compose file files."""
    compose = yaml.safe_load((ROOT / "docker/compose.observability.yaml").read_text())["services"]
    (source,) = yaml.safe_load((FOLDER / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    (job,) = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["scrape_configs"]
    (where,) = job["dns_sd_configs"]
    files = [file.split(":")[0] for name in ("prometheus", "grafana") for file in compose[name]["volumes"]]

    assert {source["uid"]} == {panel["datasource"]["uid"] for panel in PANELS}
    assert f"0.0.0.0:{where['port']}" == compose["secateurs"]["environment"]["SECATEURS_METRICS"]
    assert all((ROOT / "docker" / file).exists() for file in files if file.startswith("."))


def test_each_alert_is_explained() -> None:
    """In the manual, by its name."""
    manual = (ROOT / "docs/observability.md").read_text()
    assert [] == [rule["alert"] for rule in RULES if f"`{rule['alert']}`" not in manual]


def test_each_metric_is_explained(told: dict[str, str]) -> None:
    """There, too."""
    manual = (ROOT / "docs/observability.md").read_text()
    ours = {name for name in told if name.startswith("secateurs_") and not name.endswith("_created")}
    assert set() == {name for name in ours if f"`{name}`" not in manual}
