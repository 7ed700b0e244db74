//! The calls that Spotkeeper makes to the services under its care.

use super::BucketId;

/// Declares the calls: each with its name in IAM and the bucket it draws on.
macro_rules! actions {
    ($($(#[$doc:meta])* $action:ident = $name:literal from $bucket:ident,)*) => {
        /// One call, as IAM knows it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Action {
            $(#[doc = concat!("`", $name, "`.")] $(#[$doc])* $action,)*
        }

        impl Action {
            /// Every call, for the template's permissions and for tests.
            pub const ALL: &[Action] = &[$(Action::$action,)*];

            /// The action as IAM names it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Action::$action => $name,)* }
            }

            /// The bucket that it draws on.
            #[must_use]
            pub const fn bucket(self) -> BucketId {
                match self { $(Action::$action => BucketId::$bucket,)* }
            }
        }
    };
}

actions! {
    ListClusters = "ecs:ListClusters" from EcsClusterRead,
    DescribeClusters = "ecs:DescribeClusters" from EcsClusterRead,
    ListServices = "ecs:ListServices" from EcsServiceRead,
    DescribeServices = "ecs:DescribeServices" from EcsServiceRead,
    DescribeTaskDefinition = "ecs:DescribeTaskDefinition" from EcsTaskDefinitionRead,
    DescribeCapacityProviders = "ecs:DescribeCapacityProviders" from EcsCapacityProviderRead,
    ListTasks = "ecs:ListTasks" from EcsClusterResourceRead,
    DescribeTasks = "ecs:DescribeTasks" from EcsClusterResourceRead,
    DescribeContainerInstances = "ecs:DescribeContainerInstances" from EcsClusterResourceRead,
    GetTaskProtection = "ecs:GetTaskProtection" from EcsTaskProtection,
    ListServiceDeployments = "ecs:ListServiceDeployments" from EcsServiceDeploymentRead,
    DescribeServiceDeployments = "ecs:DescribeServiceDeployments" from EcsServiceDeploymentRead,
    DescribeServiceRevisions = "ecs:DescribeServiceRevisions" from EcsServiceRevisionRead,
    UpdateService = "ecs:UpdateService" from EcsServiceModify,
    DescribeTargetGroupAttributes = "elasticloadbalancing:DescribeTargetGroupAttributes" from ElbRead,
    DescribeTargetHealth = "elasticloadbalancing:DescribeTargetHealth" from ElbRead,
    DescribeAutoScalingGroups = "autoscaling:DescribeAutoScalingGroups" from AutoScalingRead,
    UpdateAutoScalingGroup = "autoscaling:UpdateAutoScalingGroup" from AutoScalingModify,
    DescribeLaunchTemplateVersions = "ec2:DescribeLaunchTemplateVersions" from Ec2LaunchTemplateVersions,
    DescribeInstanceTypes = "ec2:DescribeInstanceTypes" from Ec2InstanceTypes,
    DescribeInstances = "ec2:DescribeInstances" from Ec2Instances,
    DescribeAvailabilityZones = "ec2:DescribeAvailabilityZones" from Ec2AvailabilityZones,
    GetSpotPlacementScores = "ec2:GetSpotPlacementScores" from Ec2SpotPlacementScores,
    DescribeSpotPriceHistory = "ec2:DescribeSpotPriceHistory" from Ec2SpotPriceHistory,
    DescribeScalableTargets = "application-autoscaling:DescribeScalableTargets" from ApplicationAutoScalingRead,
    DescribeScheduledActions = "application-autoscaling:DescribeScheduledActions" from ApplicationAutoScalingRead,
    GetProducts = "pricing:GetProducts" from PriceListRead,
    GetServiceQuota = "servicequotas:GetServiceQuota" from ServiceQuotasRead,
    GetAwsDefaultServiceQuota = "servicequotas:GetAWSDefaultServiceQuota" from ServiceQuotasRead,
}

impl Action {
    /// Whether it only reads, so that it may be sent again when its answer was lost.
    #[must_use]
    pub const fn reads(self) -> bool {
        !matches!(self, Action::UpdateService | Action::UpdateAutoScalingGroup)
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
