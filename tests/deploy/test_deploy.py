"""The files in `deploy/`, as far as they can be tested without a running systemd or Docker."""

import asyncio
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from configparser import ConfigParser
from pathlib import Path

import jsonschema
import kubernetes_validate
import pytest
import yaml

from bot.services.image_decoder import MEMORY
from bot.state.upload_queue import SLOTS
from core.settings import Settings

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
DEPLOY = ROOT / "deploy"
UNITS = ("imagine-bot.service", "imagine-engine.service")

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@pytest.fixture
def unit_files(tmp_path: Path) -> list[str]:
    """Copies of the units in which a temporary folder replaces /opt/imagine."""
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(shutil.which("python3") or "")
    for name in UNITS:
        unit = (DEPLOY / name).read_text().replace("/opt/imagine", str(tmp_path))
        (tmp_path / name).write_text(unit)
    return [str(tmp_path / name) for name in UNITS]


@needs_systemd
def test_systemd_accepts_the_units(unit_files: list[str]) -> None:
    command = ["systemd-analyze", "verify", *unit_files]
    result = subprocess.run(command, capture_output=True, text=True)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@needs_systemd
def test_the_units_are_hardened(unit_files: list[str]) -> None:
    for unit in unit_files:
        command = ["systemd-analyze", "security", "--offline=true", "--threshold=20", unit]
        result = subprocess.run(command, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout
        assert re.search(r"exposure level for .*: 1\.\d OK", result.stdout)


@pytest.mark.parametrize("name", UNITS)
def test_systemd_restarts_after_a_delay_except_after_configuration_errors(name: str) -> None:
    unit = ConfigParser(strict=False)  # SystemCallFilter is set twice
    unit.read(DEPLOY / name)
    service = unit["Service"]
    assert service["Restart"] == "on-failure"
    assert int(service["RestartPreventExitStatus"]) == os.EX_CONFIG
    assert int(service["RestartSec"]) >= 30
    if "bot" in name:
        # Discord allows a bot 1,000 gateway sessions a day.
        assert 24 * 3600 / int(service["RestartSec"]) < 1000


async def run_entrypoint(
    tmp_path: Path, program: str, *, stop: bool = False
) -> tuple[int | None, float]:
    """Runs the container's entrypoint with a shell script as `python`.

    With `stop`, sends SIGTERM after the first line of output. Returns the exit status and the
    seconds that it took.
    """
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\n[ "$*" = "-m bot" ] || exit 99\n{program}\n')
    python.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "RESTART_SECONDS": "0.4"}
    start = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *("sh", str(DEPLOY / "entrypoint.sh"), "bot"),
        env=environment,
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    if stop:
        assert process.stdout
        await process.stdout.readline()
        process.send_signal(signal.SIGTERM)
    await process.communicate()
    return process.returncode, time.monotonic() - start


async def test_a_container_is_restarted_after_a_delay_except_after_configuration_errors(
    tmp_path: Path,
) -> None:
    status, seconds = await run_entrypoint(tmp_path, "exit 1")
    assert status == 1
    assert seconds >= 0.4
    status, seconds = await run_entrypoint(tmp_path, f"exit {os.EX_CONFIG}")
    assert status == 0
    assert seconds < 0.4


async def test_stopping_a_container_lets_the_program_shut_down_cleanly(
    tmp_path: Path,
) -> None:
    program = "trap 'sleep 0.2; touch ended; exit 0' TERM; echo begun; while :; do sleep 0.01; done"
    status, _ = await run_entrypoint(tmp_path, program, stop=True)
    assert status == 0
    assert (tmp_path / "ended").exists()


def test_compose_and_dockerfile_name_only_what_exists() -> None:
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    targets = set(re.findall(r" AS (\w+)$", dockerfile, flags=re.MULTILINE))
    settings = {name.upper() for name in Settings.model_fields}
    for service in compose["services"].values():
        (module,) = service["command"]
        assert (ROOT / module / "__main__.py").exists()
        assert service["build"]["target"] in targets
        assert set(service["environment"]) <= settings
    for line in re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+)$", dockerfile, flags=re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source


def test_the_bot_has_limits_on_memory_and_processes() -> None:
    """The bot decodes files from members; its memory limit leaves room for that and little more."""
    unit = (DEPLOY / "imagine-bot.service").read_text()
    bot = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["bot"]
    needed = SLOTS * MEMORY
    unit_limit = re.search(r"^MemoryMax=(\d+)G$", unit, re.M)
    for limit in (unit_limit, re.match(r"(\d+)g$", bot["mem_limit"])):
        assert limit
        assert needed < int(limit[1]) * 2**30 < 2 * needed
    assert re.search(r"^TasksMax=\d+$", unit, re.M)
    assert bot["pids_limit"] < 1000


def test_rays_launcher_accepts_the_cluster_file() -> None:
    autoscaler = pytest.importorskip("ray.autoscaler", reason="Ray is not installed")
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((DEPLOY / "ray-cluster.yaml").read_text())
    schema = (Path(autoscaler.__file__).parent / "ray-schema.json").read_text()
    jsonschema.validate(config, json.loads(schema))
    validate_config(prepare_config(config))
    assert config["docker"]["image"] in image_names()


def test_kubernetes_and_kuberay_accept_the_manifest() -> None:
    """KubeRay has a schema for the RayCluster, and Kubernetes for everything else."""
    cluster, *others = yaml.safe_load_all((DEPLOY / "kuberay.yaml").read_text())
    jsonschema.validate(cluster, json.loads((HERE / "raycluster.json").read_text()))
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    pods = [
        {"apiVersion": "v1", "kind": "PodTemplate", "template": group["template"]}
        for group in groups
    ]
    for resource in (*others, *pods):
        kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)


def test_rays_autoscaler_reads_the_kubernetes_manifest() -> None:
    pytest.importorskip("ray.autoscaler", reason="Ray is not installed")
    from ray.autoscaler._private.kuberay import autoscaling_config
    from ray.autoscaler._private.util import validate_config

    cluster, *others = yaml.safe_load_all((DEPLOY / "kuberay.yaml").read_text())
    (product,) = (each for each in others if each["kind"] == "Deployment")
    cluster["metadata"]["namespace"] = "default"  # as Kubernetes would fill it in
    config = autoscaling_config._derive_autoscaling_config_from_ray_cr(cluster)
    validate_config(config)
    node_types = config["available_node_types"]
    assert node_types["gpu"]["resources"]["GPU"] == 1
    assert node_types["headgroup"]["resources"]["CPU"] == 0
    assert cluster["spec"]["rayVersion"] == pinned_version("ray")

    pod = product["spec"]["template"]["spec"]
    groups = [cluster["spec"]["headGroupSpec"], *cluster["spec"]["workerGroupSpecs"]]
    templates = [group["template"]["spec"] for group in groups]
    containers = [container for spec in (pod, *templates) for container in spec["containers"]]
    assert {container["image"] for container in containers} <= image_names()
    settings = {name.upper() for name in Settings.model_fields}
    for container in pod["containers"]:
        names = {each["name"] for each in container["env"] if "RAY_" not in each["name"]}
        assert names <= settings | {"CREDENTIALS_DIRECTORY"}
    head = f"{cluster['metadata']['name']}-head-svc:6379"  # as the operator names it
    _, engine, node = pod["containers"]
    assert f"--address={head}" in node["args"]
    # The engine and the node share only what Ray needs; all nodes require the cluster's token.
    mounts = [{each["name"] for each in c["volumeMounts"]} for c in (engine, node)]
    assert mounts[0] & mounts[1] == mounts[1] == {"ray", "shared-memory"}
    assert not pod.get("shareProcessNamespace")
    for container in containers:
        assert container["securityContext"]["allowPrivilegeEscalation"] is False
        environment = {each["name"]: each.get("value") for each in container["env"]}
        assert container["name"] == "bot" or environment["RAY_AUTH_MODE"] == "token"
    for spec in (pod, *templates):
        assert spec["securityContext"]["runAsNonRoot"]


def test_only_bot_engine_and_cluster_can_reach_rays_ports() -> None:
    cluster, *others = yaml.safe_load_all((DEPLOY / "kuberay.yaml").read_text())
    (product,) = (each for each in others if each["kind"] == "Deployment")
    policies = [each["spec"] for each in others if each["kind"] == "NetworkPolicy"]
    ray, app = {"ray.io/cluster": cluster["metadata"]["name"]}, {"app": "imagine"}
    assert app.items() <= product["spec"]["template"]["metadata"]["labels"].items()
    ingress = [each for each in policies if "Ingress" in each["policyTypes"]]
    assert [each["podSelector"]["matchLabels"] for each in ingress] == [ray, app]
    for policy in ingress:
        (rule,) = policy["ingress"]
        for source in rule["from"]:
            assert source["podSelector"]["matchLabels"] in (ray, app)
            assert not {"namespaceSelector", "ipBlock"} & source.keys()


def image_names() -> set[str]:
    """The names of the images that the Dockerfile builds, one per target."""
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    return {f"imagine:{target}" for target in re.findall(r" AS (\w+)$", dockerfile, re.MULTILINE)}


def pinned_version(package: str) -> str:
    """The version in `constraints.txt`."""
    line = re.search(rf"^{package}==(\S+)", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    assert line
    return line[1]


def test_rays_image_has_the_pinned_version_of_ray() -> None:
    assert (
        f"ARG RAY_IMAGE=rayproject/ray:{pinned_version('ray')}-py311\n"
        in (DEPLOY / "Dockerfile").read_text()
    )


def test_the_volume_is_private_and_is_the_home_folder() -> None:
    """Only the volume is writable. With another home folder, Triton could not cache its kernels."""
    dockerfile = (DEPLOY / "Dockerfile").read_text()
    volume = re.search(r"^VOLUME (\S+)$", dockerfile, re.MULTILINE)
    assert volume
    assert f"--home-dir {volume[1]} imagine " in dockerfile
    assert f"install -d -o imagine -g imagine -m 700 {volume[1]}\n" in dockerfile


def copied_paths() -> set[str]:
    """The paths that the Dockerfile copies from the repository in its stages before `ray`."""
    dockerfile = (DEPLOY / "Dockerfile").read_text().split("FROM ${RAY_IMAGE}")[0]
    lines = re.findall(r"^COPY (?!--from)(?:--\S+ )?(.+)$", dockerfile, flags=re.MULTILINE)
    return {source for line in lines for source in line.split()[:-1]}


def test_the_image_has_every_file_of_its_packages(tmp_path: Path) -> None:
    """Including weights, vocabularies and translations; built from the copied files alone."""
    source, built = tmp_path / "source", tmp_path / "built"
    source.mkdir()
    for name in copied_paths() - {"deploy/entrypoint.sh"}:
        if (ROOT / name).is_dir():
            shutil.copytree(
                ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__")
            )
        else:
            shutil.copy(ROOT / name, source)
    build = ("-c", "import setuptools; setuptools.setup()", "build", f"--build-lib={built}")
    subprocess.run([sys.executable, *build], cwd=source, check=True, capture_output=True)
    packages = ("bot", "core", "engine", "migrations")
    expected = {
        path.relative_to(source)
        for name in packages
        for path in (source / name).rglob("*")
        if path.is_file()
    }
    assert {path.relative_to(built) for path in built.rglob("*") if path.is_file()} == expected
