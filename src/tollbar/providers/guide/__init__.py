"""The built-in guide: a search over Tollbar's own documentation, behind the same port as any provider."""

from tollbar.providers.guide.provider import GuideProvider

__all__ = ["GuideProvider"]
