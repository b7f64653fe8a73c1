"""What errors read like, for the API document: made by the code that makes them, so that they are what is sent."""

from collections.abc import Mapping

from tollbar.domain import errors
from tollbar.domain.errors import GatewayError

SAMPLES: Mapping[type[GatewayError], GatewayError] = {
    type(sample): sample
    for sample in (
        errors.InvalidJson("The body is not valid JSON: JSON is malformed: expected `:` (byte 8)."),
        errors.MissingField("The field 'model' is missing.", hint="Send 'model' as a string.", field="model"),
        errors.InvalidType("'max_tokens' must be a whole number.", field="max_tokens"),
        errors.InvalidValue("'n' must be from 1 to 128.", field="n", details={"min": 1, "max": 128, "received": 0}),
        errors.UnknownModel("The model 'gtp-4o' is not configured here.", hint="Did you mean gpt-4o?", field="model"),
        errors.InvalidModel(
            "Invalid model name", field="model_name", details={"allowed": ["gpt-4o-mini", "tollbar-guide"]}
        ),
        errors.ContextTooLarge(
            "The prompt of 9000000 bytes cannot fit into the context of 128000 tokens.", field="messages"
        ),
        errors.PayloadTooLarge("The body is larger than 33554432 bytes.", details={"max": 33_554_432}),
        errors.RequestTimeout("The request came too slowly."),
        errors.NotFound("There is no such key."),
        errors.Conflict("Somebody else changed the key since.", hint="Read it again.", field="version"),
        errors.MissingKey("This address needs an API key.", hint="Send it as 'Authorization: Bearer KEY'."),
        errors.InvalidKey("The API key is not valid.", hint="Check that it is whole, or ask for a new one."),
        errors.KeyAlreadyUsed("This API key is good for a number of calls, and they are made, or under way."),
        errors.CallUnderWay("The call of this Idempotency-Key is still being answered.", field="idempotency-key"),
        errors.CallCancelled("The call was cancelled."),
        errors.OtherCall("This Idempotency-Key was sent before, with another request.", field="idempotency-key"),
        errors.UnknownResponse("This key has no response 'resp_8f2c' to go on from.", field="previous_response_id"),
        errors.KeyAlreadyIssued("This address has had its key.", hint="Ask who runs this gateway for another."),
        errors.ExpiredKey("The API key expired at 2026-11-20 00:00:00 UTC."),
        errors.NotAllowed("This API key may not use the model 'gpt-4o'.", field="model"),
        errors.OutOfCredit("The credits of this key do not suffice: 0 left, and this call may cost 1."),
        errors.RateLimited(
            "Rate limit exceeded: 20 per 1 minute",
            retry_after_seconds=12,
            details={"limit": "20 per 1 minute", "measure": "requests", "scope": "key"},
        ),
        errors.Overloaded("Tollbar takes no new calls: draining."),
        errors.UpstreamFailed("The provider answered with status 500.", is_retryable=True),
        errors.UpstreamBusy("The provider limits the rate of our calls.", is_retryable=True),
        errors.UpstreamFull("64 calls wait for tinyllama already.", retry_after_seconds=12.0),
        errors.EngineUnavailable(
            "The engine for local models is not installed.", hint="Install it with: pip install 'tollbar[local]'."
        ),
        errors.UpstreamTimeout("The provider did not answer in time.", is_retryable=True),
        errors.UpstreamRejected("The provider refuses the request: unknown field 'foo'."),
        errors.UpstreamMisconfigured("The provider refuses the credentials that this gateway has for it."),
        errors.InternalError("Something went wrong on our side.", hint="Id: req_5f0c8e1b9a7d4c3e2f1a0b9c."),
    )
}
"""One of each error that a caller can be told, as it might read."""
