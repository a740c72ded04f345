"""Jobs: what becomes of a delivery, a sync or a deletion. List, look, cancel."""

from django.shortcuts import get_object_or_404
from django.urls import path
from drf_spectacular.utils import extend_schema, extend_schema_field, extend_schema_serializer
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse

from licensesync.api import examples
from licensesync.api.access import enterprise_for
from licensesync.api.description import NEWEST_FIRST, answers
from licensesync.api.endpoint import Endpoint
from licensesync.api.errors import Conflict
from licensesync.api.paging import newest_first
from licensesync.api.shapes import Moment, Problem, ProblemSerializer, problem_of
from licensesync.api.tokens import token_of
from licensesync.enterprises.models import Enterprise, Scope
from licensesync.syncing import services as syncing
from licensesync.syncing.models import JobKind, JobState, LicenseSyncJob, Phase, Trigger
from licensesync.syncing.queries import jobs_of, stays_of


@extend_schema_serializer(examples=[examples.JOB, examples.JOB_WAITS])
class JobSerializer(serializers.Serializer[LicenseSyncJob]):
    """A job. Its counts are null as long as they are not known."""

    id = serializers.IntegerField(source="pk")
    url = serializers.SerializerMethodField()
    deployment = serializers.CharField(help_text="Host name, or GitHub Enterprise Cloud.")
    kind = serializers.ChoiceField(JobKind.choices)
    trigger = serializers.ChoiceField(Trigger.choices)
    state = serializers.ChoiceField(JobState.choices)
    phase = serializers.ChoiceField(Phase.choices, allow_blank=True)
    progress_done = serializers.IntegerField()
    progress_total = serializers.IntegerField(allow_null=True)
    created_at = Moment()
    started_at = Moment(allow_null=True)
    finished_at = Moment(allow_null=True)
    accounts_read = serializers.IntegerField(allow_null=True)
    accounts_added = serializers.IntegerField(allow_null=True)
    accounts_changed = serializers.IntegerField(allow_null=True)
    accounts_removed = serializers.IntegerField(allow_null=True)
    accounts_suspended = serializers.IntegerField(allow_null=True)
    invalid_emails = serializers.IntegerField()
    looks_like = serializers.SerializerMethodField(
        help_text="Of a server's first list: the other server that has most of its accounts. Are the two one?",
    )
    licenses_before = serializers.IntegerField(allow_null=True)
    licenses_after = serializers.IntegerField(allow_null=True)
    problem = serializers.SerializerMethodField()

    def get_url(self, job: LicenseSyncJob) -> str:
        return job_address(self.context["request"], job)

    def get_looks_like(self, job: LicenseSyncJob) -> str | None:
        is_restricted = token_of(self.context["request"]).deployment_id is not None  # and sees no other server
        return str(job.looks_like) if job.looks_like and not is_restricted else None

    @extend_schema_field(ProblemSerializer(allow_null=True))
    def get_problem(self, job: LicenseSyncJob) -> Problem | None:
        return problem_of(job.problem_code, job.problem_params, stays=stays_of(job))


def job_address(request: Request, job: LicenseSyncJob) -> str:
    return str(reverse("api_job", args=[job.deployment.enterprise.slug, job.pk], request=request))


def accepted(request: Request, job: LicenseSyncJob) -> Response:
    """202 with a job that was asked for, and where to see what becomes of it."""
    answer = JobSerializer(job, context={"request": request}).data
    return Response(answer, status=status.HTTP_202_ACCEPTED, headers={"Location": answer["url"]})


def _job(request: Request, enterprise: Enterprise, job_id: int) -> LicenseSyncJob:
    """A job of the enterprise; for a token of one deployment, of that one."""
    jobs = jobs_of(enterprise, token_of(request).deployment).select_related("deployment__enterprise", "looks_like")
    return get_object_or_404(jobs, pk=job_id)


class Jobs(Endpoint):
    @extend_schema(
        operation_id="list_jobs",
        tags=["jobs"],
        summary="List jobs",
        description="Newest first. Scope `read:enterprise`.",
        parameters=NEWEST_FIRST,
        responses=answers(JobSerializer(many=True)),
    )
    def get(self, request: Request, enterprise: str) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ)
        jobs = jobs_of(ours).select_related("deployment__enterprise")
        return newest_first(request, jobs, JobSerializer)


class Job(Endpoint):
    @extend_schema(
        operation_id="get_job",
        tags=["jobs"],
        summary="Get a job",
        description="Scope `read:enterprise` or `write:usage`.",
        responses=answers(JobSerializer),
    )
    def get(self, request: Request, enterprise: str, job_id: int) -> Response:
        ours = enterprise_for(request, enterprise, Scope.READ, Scope.WRITE_USAGE)
        return Response(JobSerializer(_job(request, ours, job_id), context={"request": request}).data)


class CancelJob(Endpoint):
    @extend_schema(
        operation_id="cancel_job",
        tags=["jobs"],
        summary="Cancel a job",
        description="Of a waiting or running job; nothing that people see has changed then. Scope `admin:enterprise`.",
        request=None,
        responses=answers(JobSerializer, also=[409]),
    )
    def post(self, request: Request, enterprise: str, job_id: int) -> Response:
        ours = enterprise_for(request, enterprise, Scope.ADMIN)
        job = _job(request, ours, job_id)
        if not syncing.cancel(job):
            raise Conflict("The job is over already. Nothing was changed.")
        job.refresh_from_db()
        return Response(JobSerializer(job, context={"request": request}).data)


_JOBS = "enterprises/<slug:enterprise>/jobs"
urlpatterns = [
    path(_JOBS, Jobs.as_view(), name="api_jobs"),
    path(f"{_JOBS}/<int:job_id>", Job.as_view(), name="api_job"),
    path(f"{_JOBS}/<int:job_id>/cancel", CancelJob.as_view(), name="api_cancel_job"),
]
