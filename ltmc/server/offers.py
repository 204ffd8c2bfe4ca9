"""The prompts and resources of the manifest, and the completion of their arguments, on the wire."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import unquote

import mcp_types as types
from mcp.shared.exceptions import MCPError

from ltmc.app.application import Application
from ltmc.app.redaction import masked
from ltmc.errors import ErrorCode, LtmcError, invalid, not_found
from ltmc.server.listing import TEXT, Offered, lists
from ltmc.server.roots import first_root
from ltmc.tools.manifest import Prompt, Resource
from ltmc.tools.request import protocol_version

LONGEST_URI = 4_096
"""A file name has 255 characters, which a URI may write in nine times as many."""

MOST_SHOWN = 1_000
"""How much of a URI an error repeats."""

Handler = Callable[[Any, Any], Awaitable[Any]]
Add = Callable[[str, type[Any], Handler], None]
"""Registers a handler for a method with a type of parameters."""


class Offers:
    """Answers for the prompts and resources that are offered; each list is one page."""

    def __init__(self, app: Application, offered: Offered) -> None:
        self._app = app
        self._lists = lists(offered)
        self._prompts = {prompt.name: prompt for prompt in offered.prompts}
        self._single = {one.uri: one for one in offered.resources if one.argument is None}
        self._templates = {one.uri: one for one in offered.resources if one.argument is not None}

    def register(self, add: Add) -> None:
        """Register the handlers of what there is: a server says that it has what it handles."""
        if self._prompts:
            add("prompts/list", types.PaginatedRequestParams, _answering(self._list_prompts))
            add("prompts/get", types.GetPromptRequestParams, _answering(self._get_prompt))
        if self._single or self._templates:
            add("resources/list", types.PaginatedRequestParams, _answering(self._list_resources))
            add("resources/templates/list", types.PaginatedRequestParams, _answering(self._list_templates))
            add("resources/read", types.ReadResourceRequestParams, _answering(self._read))
        if any(template.completion for template in self._templates.values()):
            add("completion/complete", types.CompleteRequestParams, _answering(self._complete))

    async def _list_prompts(self, _: Any, __: Any) -> types.ListPromptsResult:
        return types.ListPromptsResult.model_validate(self._lists["prompts/list"])

    async def _get_prompt(self, ctx: Any, params: types.GetPromptRequestParams) -> types.GetPromptResult:
        prompt = self._prompts.get(params.name)
        if prompt is None:
            raise not_found("name", params.name, "prompt", f"there are {', '.join(self._prompts)}")
        text = await self._produce(ctx, prompt, prompt.name, dict(params.arguments or {}))
        message = types.PromptMessage(role="user", content=types.TextContent(type="text", text=text))
        return types.GetPromptResult(description=prompt.description, messages=[message])

    async def _list_resources(self, _: Any, __: Any) -> types.ListResourcesResult:
        return types.ListResourcesResult.model_validate(self._lists["resources/list"])

    async def _list_templates(self, _: Any, __: Any) -> types.ListResourceTemplatesResult:
        return types.ListResourceTemplatesResult.model_validate(self._lists["resources/templates/list"])

    async def _read(self, ctx: Any, params: types.ReadResourceRequestParams) -> types.ReadResourceResult:
        uri = str(params.uri)
        entry, arguments = self._named(uri)
        text = await self._produce(ctx, entry, entry.name, arguments)
        return types.ReadResourceResult(
            contents=[types.TextResourceContents(uri=uri, mime_type=TEXT, text=text)]
        )

    def _named(self, uri: str) -> tuple[Resource, dict[str, Any]]:
        """Return the resource of a URI and its argument, in which a slash may stand as it is.

        Raises:
            LtmcError: INVALID_ARGUMENT; NOT_FOUND.
        """
        if len(uri) > LONGEST_URI:
            raise invalid("uri", uri, f"at most {LONGEST_URI} characters")
        if uri in self._single:
            return self._single[uri], {}
        for template in self._templates.values():
            start = template.uri.partition("{")[0]
            if uri.startswith(start):
                try:
                    return template, {
                        template.argument or "": unquote(uri.removeprefix(start), errors="strict")
                    }
                except UnicodeDecodeError:
                    raise invalid("uri", uri, "UTF-8, percent-encoded") from None
        known = ", ".join([*self._single, *self._templates])
        raise not_found("uri", uri, "resource", f"there are {known}")

    async def _complete(self, ctx: Any, params: types.CompleteRequestParams) -> types.CompleteResult:
        if isinstance(params.ref, types.PromptReference):
            if params.ref.name not in self._prompts:
                raise not_found("ref", params.ref.name, "prompt")
            return types.CompleteResult(completion=types.Completion(values=[]))
        template = self._templates.get(params.ref.uri)
        if template is None:
            raise not_found("ref", params.ref.uri, "template", f"there are {', '.join(self._templates)}")
        if params.argument.name != template.argument:
            raise invalid("argument", params.argument.name, str(template.argument))
        if template.completion is None:
            return types.CompleteResult(completion=types.Completion(values=[]))
        beginning = {"beginning": params.argument.value}
        values, total = await self._produce(ctx, template, template.completion, beginning)
        return types.CompleteResult(
            completion=types.Completion(values=values, total=total, has_more=len(values) < total)
        )

    async def _produce(self, ctx: Any, entry: Prompt | Resource, name: str, arguments: dict[str, Any]) -> Any:
        from ltmc.app.calls import produce

        protocol_version.set(ctx.session.protocol_version)
        return await produce(self._app, entry, name, arguments, lambda: first_root(ctx.session))


def _answering(handler: Handler) -> Handler:
    """Return a handler that answers with an error of the protocol where one of LTMC is raised."""

    async def answer(ctx: Any, params: Any) -> Any:
        try:
            return await handler(ctx, params)
        except LtmcError as error:
            code = types.INTERNAL_ERROR
            if error.code in (ErrorCode.INVALID_ARGUMENT, ErrorCode.NOT_FOUND):
                code = types.INVALID_PARAMS
            data = {"error_code": error.code.value}
            if isinstance(params, types.ReadResourceRequestParams):
                data["uri"] = masked(str(params.uri)[:MOST_SHOWN])
            raise MCPError(code=code, message=masked(error.message), data=data) from None

    return answer
