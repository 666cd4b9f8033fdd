"""The bot's own user and application, and the gateway's address."""

from sandbox.discord.payloads import user_payload
from sandbox.discord.rest import Answer, Call, Rest, Routes

routes = Routes()


@routes.add("GET", "/users/@me")
async def get_me(rest: Rest, call: Call) -> Answer:
    own = {"verified": True, "mfa_enabled": True, "email": None, "locale": "en-US"}
    return Answer(user_payload(rest.world.application.bot) | own)


@routes.add("GET", "/oauth2/applications/@me")
@routes.add("GET", "/applications/@me")
async def get_application(rest: Rest, call: Call) -> Answer:
    application = rest.world.application
    return Answer(
        {
            "id": str(application.id),
            "name": application.name,
            "icon": None,
            "description": "",
            "type": None,
            "bot": user_payload(application.bot),
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "flags": 0,
            "flags_new": "0",
            "redirect_uris": [],
            "interactions_endpoint_url": None,
            "role_connections_verification_url": None,
            "owner": user_payload(application.owner),
            "approximate_guild_count": len(rest.world.guilds),
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "team": None,
            "eligible_oauth2_scopes": [],
        }
    )


@routes.add("GET", "/gateway")
async def get_gateway(rest: Rest, call: Call) -> Answer:
    return Answer({"url": rest.gateway.url})


@routes.add("GET", "/gateway/bot")
async def get_gateway_bot(rest: Rest, call: Call) -> Answer:
    limit = rest.gateway.start_limit()
    return Answer({"url": rest.gateway.url, "shards": 1, "session_start_limit": limit})
