"""Keys of Amazon's sign as Amazon's own suite says, and as its own client does."""

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from tollbar.providers.aws import AccessKey, Signer, access_key, key_fault, region_fault, region_of

KEY = AccessKey("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY")
SESSION = KEY._replace(token="AQoDYXdzEPT//////////wEXAMPLE=")
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
JSON = {"Content-Type": "application/json"}
RUNTIME = "https://bedrock-runtime.us-east-1.amazonaws.com"
PROFILE = "arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile%2Fabc123"


@pytest.mark.parametrize(
    ("method", "url", "signature"),
    [
        ("GET", "/", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "/", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        (
            "GET",
            "/?Param2=value2&Param1=value1",
            "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
        ),
    ],
)
def test_amazons_own_suite(method: str, url: str, signature: str) -> None:
    """`get-vanilla`, `post-vanilla` and `get-vanilla-query-order-key-case` of the published suite."""
    signer = Signer(KEY, "us-east-1", "service")
    assert signer.headers(method, f"https://example.amazonaws.com{url}", b"", NOW, {}) == {
        "X-Amz-Date": "20150830T123600Z",
        "Authorization": (
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
            f"SignedHeaders=host;x-amz-date, Signature={signature}"
        ),
    }


@pytest.mark.parametrize(
    ("key", "method", "url", "region", "body", "signature"),
    [
        (
            SESSION,
            "POST",
            f"{RUNTIME}/model/us.anthropic.claude-sonnet-4-5-20250929-v1:0/converse",
            "us-east-1",
            b'{"messages":[]}',
            "40bb0be26d03a06ba293709f87ed8c4bdee888c188a8e645c66028073c08be73",
        ),
        (
            KEY,
            "POST",
            f"https://bedrock-runtime.eu-west-1.amazonaws.com/model/{PROFILE}/converse-stream",
            "eu-west-1",
            b"{}",
            "068c6388e8cb038d625f109e69ec39510bd2e482210d13e5695a5b431258abb4",
        ),
        (
            KEY,
            "GET",
            "https://bedrock.us-east-1.amazonaws.com/inference-profiles?maxResults=1000",
            "us-east-1",
            b"",
            "0a62c12420251adb41f33c78f9bf450913d1ab509db535d5ee97bf58f9113c9f",
        ),
        (
            KEY,
            "POST",
            "http://127.0.0.1:8080/model/m/converse",
            "us-east-1",
            b"{}",
            "25046d8323fc3e5216d8bb6b9a1f841ae3009f8393e3bc46cf90a7237df56671",
        ),
    ],
)
def test_calls_of_bedrock(key: AccessKey, method: str, url: str, region: str, body: bytes, signature: str) -> None:
    """As botocore 1.44.8 signs the same; a session's token goes along and is signed too."""
    made = Signer(key, region, "bedrock").headers(method, url, body, NOW, JSON)
    assert made["Authorization"].rpartition("=")[2] == signature
    assert made.get("X-Amz-Security-Token", "") == key.token
    assert key.secret not in str(made)


def test_each_day_has_its_own_key() -> None:
    """A signer lives longer than a day."""
    signer = Signer(KEY, "us-east-1", "service")
    days = [NOW, NOW.replace(day=31), NOW]
    first, second, third = (signer.headers("GET", "https://example.amazonaws.com/", b"", day, {}) for day in days)
    assert first == third != second


@pytest.mark.parametrize(
    ("key", "parts", "fault"),
    [
        ("ABSKQmVkcm9jaw==", None, ""),
        ("AKID:secret/+", ("AKID", "secret/+", ""), ""),
        ("AKID:secret:token==", ("AKID", "secret", "token=="), ""),
        ("AKID:", ("AKID", "", ""), "has no AWS_SECRET_ACCESS_KEY"),
        (":secret", ("", "secret", ""), "has no AWS_ACCESS_KEY_ID"),
    ],
)
def test_a_key_is_sent_or_signs(key: str, parts: tuple[str, str, str] | None, fault: str) -> None:
    """Which its form tells."""
    found = access_key(key)
    assert (found, key_fault(key)) == (parts, fault)
    assert found is None or found.written == key


@pytest.mark.parametrize(
    ("address", "environment", "region"),
    [
        (f"{RUNTIME}/x", {"AWS_REGION": "eu-west-1"}, "us-east-1"),
        ("https://vpce-1a-2b.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com", {}, "ap-southeast-2"),
        ("https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com", {}, "us-gov-west-1"),
        ("http://127.0.0.1:1", {"AWS_DEFAULT_REGION": " eu-north-1 "}, "eu-north-1"),
        ("http://my-box-1.example", {}, ""),
        ("http://127.0.0.1:1", {}, ""),
    ],
)
def test_the_region_of_an_address(address: str, environment: Mapping[str, str], region: str) -> None:
    """As the address says, else the environment."""
    assert region_of(address, environment) == region
    assert bool(region_fault(region)) is not bool(region)
