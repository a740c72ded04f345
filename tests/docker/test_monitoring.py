"""Alerts and dashboard name only what /metrics has."""

import json
import re
from typing import Any

import pytest
import yaml
from django.test import Client

from licensesync.enterprises.models import Enterprise
from tests.docker.files import DOCKER

MONITORING = DOCKER / "monitoring"
OF_PROMETHEUS = {"up"}
LABELS = {"job", "worker", "outcome", "trigger", "state", "status", "page", "le"}


def expressions() -> list[str]:
    rules = yaml.safe_load((MONITORING / "alerts.yml").read_text())["groups"]
    panels = json.loads((MONITORING / "dashboard.json").read_text())["panels"]
    found = [rule["expr"] for group in rules for rule in group["rules"]]
    return [*found, *(target["expr"] for panel in panels for target in panel["targets"])]


@pytest.mark.django_db
def test_only_metrics_that_there_are(settings: Any, enterprise: Enterprise) -> None:
    settings.METRICS_TOKEN = "a-token"
    browser = Client()
    browser.get("/healthz")
    text = browser.get("/metrics", headers={"Authorization": "Bearer a-token"}).content.decode()
    there = set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE)) | OF_PROMETHEUS
    assert len(expressions()) > 20
    for expression in expressions():
        named = set(re.findall(r"\b(licensesync_\w+|up)\b", re.sub(r'"[^"]*"', "", expression)))
        assert named, expression
        assert {name.removesuffix("_bucket") for name in named} <= there, expression
        assert set(re.findall(r"(\w+)=~?\"", expression)) <= LABELS, expression


def test_the_scrape_asks_as_we_answer() -> None:
    config = yaml.safe_load((MONITORING / "prometheus.yml").read_text())
    [job] = config["scrape_configs"]
    assert (job["job_name"], job["metrics_path"], job["static_configs"]) == (
        "licensesync",
        "/metrics",
        [{"targets": ["web:8000"]}],
    )
    assert [(MONITORING / name).exists() for name in config["rule_files"]] == [True]
