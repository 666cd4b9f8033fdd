#!/bin/sh
# Runs the image imagine:cpu as compose.yaml does, but against the sandbox: a member requests an
# image, and bot and engine restart before it is finished. Run `make demo` once before this.
# With Podman: DOCKER=podman COMPOSE=podman-compose sh deploy/try-image.sh

set -eu
cd "$(dirname "$0")/.."
docker=${DOCKER:-docker}
python=$PWD/.venv/bin/python
folder=$(mktemp -d)

compose() {
    ${COMPOSE:-$docker compose} --project-name imagine-trial --profile cpu \
        --file "$folder/deploy/compose.yaml" --file "$folder/host.yaml" "$@"
}

clean_up() {
    compose down --volumes
    kill "$sandbox"
    rm -r "$folder"
}

"$docker" image inspect --format '{{.Size}} bytes' imagine:cpu

# Without a token, the bot says so and exits with status 0, so that nothing restarts it.
"$docker" run --rm imagine:cpu bot

# The sandbox prints the settings for .env. It listens on localhost only, so the containers use the
# host's network.
mkdir "$folder/deploy" "$folder/frames"
cp deploy/compose.yaml "$folder/deploy"
echo 'services: {bot: {network_mode: host}, engine: {network_mode: host}}' >"$folder/host.yaml"
"$python" -m sandbox --data-dir "$folder/discord" >"$folder/.env" &
sandbox=$!
trap clean_up EXIT
trap 'exit 1' INT TERM
until grep -q SANDBOX_PAGE "$folder/.env"; do sleep 1; done
compose up --detach --no-build

(set -a && . "$folder/.env" && exec "$python" - "$folder") <<'END' &
import asyncio, os, sys
from contextlib import aclosing
from pathlib import Path

from sandbox.client.control import SandboxClient
from sandbox.demo import Screen


async def request() -> None:
    async with SandboxClient(os.environ["SANDBOX_URL"], os.environ["SANDBOX_TOKEN"]) as discord:
        await discord.wait_for_command("imagine", patience=600)
        member = await discord.member("Ada")
        reply = await member.slash("imagine", include="a cat", steps=60, count=1)
        async with aclosing(member.watch()) as changes:
            await Screen(member, Path(sys.argv[1])).follow(changes, reply.message.id)


asyncio.run(request())
END
member=$!
until [ -n "$(ls "$folder/frames")" ]; do
    kill -0 $member
    sleep 1
done
compose restart bot engine
wait $member

for service in bot engine; do
    check=$("$python" -c "if True:
        import shlex, sys, yaml
        services = yaml.safe_load(open('deploy/compose.yaml'))['services']
        print(shlex.join(services[sys.argv[1]]['healthcheck']['test'][1:]))" $service)
    compose exec -T $service sh -c \
        "set -e; test \$(id -u) = 10001; if touch /tried; then exit 1; fi; touch ~/tried; $check"
done
compose exec -T engine python -m engine doctor
compose exec -T bot python -m bot --help >/dev/null
echo "The image works."
