//! Tasks of `DescribeTasks`.

use aws_sdk_ecs::types::Task as EcsTask;
use spotkeeper_core::observe::{Place, Reading, Task};

use super::{NotUnderstood, not_read, provider_name};
use crate::client::Action;

/// The name of the service that a task belongs to; `None` for standalone tasks.
pub(crate) fn service_of(given: &EcsTask) -> Option<&str> {
    given.group()?.strip_prefix("service:")
}

/// Whether a task should still run: it may have been stopped since it was listed.
pub(crate) fn should_run(given: &EcsTask) -> bool {
    given.desired_status() != Some("STOPPED") && given.last_status() != Some("STOPPED")
}

/// A task, with its protection still to be set.
pub(crate) fn task(given: &EcsTask) -> Result<Task, NotUnderstood> {
    Ok(Task {
        arn: given.task_arn().ok_or_else(|| NotUnderstood::absent("taskArn"))?.to_owned(),
        provider: given.capacity_provider_name().map(provider_name).transpose()?,
        running: given.last_status() == Some("RUNNING"),
        zone: given.availability_zone().map(str::to_owned),
        place: place(given),
        instance: given.container_instance_arn().map(str::to_owned),
        protected: false,
        started_by: given.started_by().unwrap_or_default().to_owned(),
    })
}

/// Where a task runs, as far as it shows that itself: on an instance, what that is has to be read;
/// elsewhere the zone is all that there is.
fn place(given: &EcsTask) -> Reading<Place> {
    match (given.container_instance_arn(), given.availability_zone()) {
        (Some(instance), _) => Reading::Missing(not_read(instance, Action::DescribeContainerInstances)),
        (None, Some(zone)) => Reading::Known(Place { instance_type: None, zone: zone.to_owned() }),
        (None, None) => Reading::Missing(not_read(given.task_arn().unwrap_or_default(), Action::DescribeTasks)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_belongs_to_its_group_s_service() {
        let in_group = |group: &str| EcsTask::builder().group(group).build();
        assert_eq!(service_of(&in_group("service:web")), Some("web"));
        assert_eq!(service_of(&in_group("family:batch")), None);
        assert_eq!(service_of(&EcsTask::builder().build()), None);
    }

    #[test]
    fn a_task_shows_its_provider_and_state() {
        let whole = EcsTask::builder()
            .task_arn("arn:task")
            .capacity_provider_name("FARGATE_SPOT")
            .last_status("RUNNING")
            .desired_status("RUNNING")
            .availability_zone("eu-west-1a")
            .started_by("ecs-svc/1");
        let actual = task(&whole.clone().build()).unwrap();
        assert_eq!(actual.provider.as_ref().map(|name| name.as_str()), Some("FARGATE_SPOT"));
        assert!(actual.running && !actual.protected && should_run(&whole.clone().build()));
        let pending = whole.clone().last_status("PENDING").set_capacity_provider_name(None).build();
        let actual = task(&pending).unwrap();
        assert!(!actual.running && actual.provider.is_none() && should_run(&pending));
        assert!(!should_run(&whole.clone().desired_status("STOPPED").build()));
        let place = |given: EcsTask| task(&given).unwrap().place;
        let zone = "eu-west-1a".to_owned();
        assert_eq!(place(whole.clone().build()), Reading::Known(Place { instance_type: None, zone }));
        let on_instance = whole.clone().container_instance_arn("arn:instance").build();
        assert_eq!(place(on_instance).get().unwrap_err().subject, "arn:instance");
        let nowhere = whole.clone().set_availability_zone(None).build();
        assert_eq!(place(nowhere).get().unwrap_err().subject, "arn:task");
        assert!(task(&whole.clone().capacity_provider_name("not a name").build()).is_err());
        assert!(task(&whole.set_task_arn(None).build()).is_err());
    }
}
