//! The EC2 API: the launch templates and the instance types behind Auto Scaling groups, Spot
//! placement scores, and what is known of single instances.
//!
//! A crate of its own because `aws-sdk-ec2` takes minutes to compile. Each function is one
//! request and answers with the SDK's own error: waiting, counting and retrying are the client
//! layer's of `spotkeeper-aws`.

mod instances;
mod prices;
mod requirements;
mod scores;

pub use instances::{INSTANCES_PER_CALL, InstancePage};
pub use prices::PricePage;
pub use requirements::Members;
pub use scores::ScoreRequest;

use std::collections::BTreeMap;

use aws_sdk_ec2::operation::describe_instance_types::DescribeInstanceTypesError;
use aws_sdk_ec2::operation::describe_launch_template_versions::DescribeLaunchTemplateVersionsError;
use aws_sdk_ec2::types::{
    ArchitectureType, Filter, InstanceRequirements, InstanceTypeInfo, MarketType, ResponseLaunchTemplateData,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_types::SdkConfig;
use spotkeeper_core::observe::{Architecture, InstanceType};
use spotkeeper_core::signals::Requirements;
use spotkeeper_core::units::{CpuUnits, MemoryMib};

/// The most instance types that one [`Ec2::instance_types`] may name: with a page of this size
/// the answer is one page. Source: `MaxResults` of `DescribeInstanceTypes`.
pub const INSTANCE_TYPES_PER_CALL: usize = 100;

/// The client. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ec2 {
    client: aws_sdk_ec2::Client,
}

/// A launch template, by id or name, in one of its versions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TemplateVersion {
    /// Which template.
    pub template: TemplateKey,
    /// A number, `$Default` or `$Latest`.
    pub version: String,
}

/// How a launch template is named.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TemplateKey {
    /// `lt-...`.
    Id(String),
    /// Its name.
    Name(String),
}

impl std::fmt::Display for TemplateVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (TemplateKey::Id(key) | TemplateKey::Name(key)) = &self.template;
        write!(f, "launch template {key} version {}", self.version)
    }
}

/// What a launch template says about what is bought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaunchTemplate {
    /// Whether it asks for the Spot market.
    pub market: TemplateMarket,
    /// Its instance type, where it names one.
    pub instance_type: Option<String>,
    /// Its instance requirements, where it asks by them.
    pub requirements: Option<Requirements>,
}

/// `InstanceMarketOptions.MarketType`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplateMarket {
    /// Absent, or `on-demand`.
    OnDemand,
    /// `spot`.
    Spot,
    /// Capacity blocks, reservations, or what this version does not know.
    Other,
}

/// The answer to [`Ec2::instance_types`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InstanceTypes {
    /// Those that EC2 knows, by name.
    pub known: BTreeMap<String, InstanceType>,
    /// Those whose answer was not understood, with why.
    pub not_understood: BTreeMap<String, String>,
}

impl Ec2 {
    /// Makes the client with the configuration's retries, timeouts, endpoint and credentials.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Ec2 {
        Ec2 { client: aws_sdk_ec2::Client::new(config) }
    }

    /// Wraps a client that was made elsewhere: a mocked one.
    #[must_use]
    pub const fn from_client(client: aws_sdk_ec2::Client) -> Ec2 {
        Ec2 { client }
    }

    /// Reads one version of one launch template (`DescribeLaunchTemplateVersions`). `None` where
    /// EC2 answers with no version at all.
    ///
    /// # Errors
    /// The SDK's.
    pub async fn launch_template(
        &self,
        wanted: &TemplateVersion,
    ) -> Result<Option<LaunchTemplate>, SdkError<DescribeLaunchTemplateVersionsError, HttpResponse>> {
        let request = self.client.describe_launch_template_versions().versions(&wanted.version);
        let request = match &wanted.template {
            TemplateKey::Id(id) => request.launch_template_id(id),
            TemplateKey::Name(name) => request.launch_template_name(name),
        };
        let answer = request.send().await?;
        Ok(answer.launch_template_versions().first().map(|version| {
            version.launch_template_data().map_or(
                LaunchTemplate { market: TemplateMarket::OnDemand, instance_type: None, requirements: None },
                launch_template,
            )
        }))
    }

    /// Reads at most [`INSTANCE_TYPES_PER_CALL`] instance types (`DescribeInstanceTypes`). They
    /// are asked for by filter: named outright, one unknown type would fail them all.
    ///
    /// # Errors
    /// The SDK's.
    pub async fn instance_types(
        &self,
        names: &[String],
    ) -> Result<InstanceTypes, SdkError<DescribeInstanceTypesError, HttpResponse>> {
        let filter = Filter::builder().name("instance-type").set_values(Some(names.to_vec())).build();
        let page = i32::try_from(INSTANCE_TYPES_PER_CALL).unwrap_or(i32::MAX);
        let answer = self.client.describe_instance_types().filters(filter).max_results(page).send().await?;
        let mut types = InstanceTypes::default();
        for info in answer.instance_types() {
            let Some(name) = info.instance_type().map(|name| name.as_str().to_owned()) else {
                continue;
            };
            match instance_type(&name, info) {
                Ok(instance_type) => _ = types.known.insert(name, instance_type),
                Err(why) => _ = types.not_understood.insert(name, why),
            }
        }
        Ok(types)
    }
}

fn launch_template(data: &ResponseLaunchTemplateData) -> LaunchTemplate {
    let market = match data.instance_market_options().and_then(|options| options.market_type()) {
        None | Some(MarketType::OnDemand) => TemplateMarket::OnDemand,
        Some(MarketType::Spot) => TemplateMarket::Spot,
        Some(_) => TemplateMarket::Other,
    };
    LaunchTemplate {
        market,
        instance_type: data.instance_type().map(|name| name.as_str().to_owned()),
        requirements: data.instance_requirements().map(template_requirements),
    }
}

fn template_requirements(given: &InstanceRequirements) -> Requirements {
    requirements!(given, "RequireEncryptionInTransit": given.require_encryption_in_transit())
}

fn instance_type(name: &str, info: &InstanceTypeInfo) -> Result<InstanceType, String> {
    let vcpus = info.v_cpu_info().and_then(|cpu| cpu.default_v_cpus()).and_then(|count| u64::try_from(count).ok());
    let memory = info.memory_info().and_then(|memory| memory.size_in_mib()).and_then(|mib| u64::try_from(mib).ok());
    let architectures = info.processor_info().map(|cpu| cpu.supported_architectures()).unwrap_or_default();
    let architecture = architectures.iter().find_map(|one| match one {
        ArchitectureType::X8664 => Some(Architecture::X8664),
        ArchitectureType::Arm64 => Some(Architecture::Arm64),
        _ => None,
    });
    match (vcpus, memory, architecture) {
        (Some(vcpus), Some(memory), Some(architecture)) => Ok(InstanceType {
            name: name.to_owned(),
            cpu: CpuUnits::VCPU.times(vcpus),
            memory: MemoryMib(memory),
            architecture,
        }),
        (None, _, _) => Err("no vCPU count".to_owned()),
        (_, None, _) => Err("no memory size".to_owned()),
        (_, _, None) => Err(format!("no architecture that ECS runs on, but {architectures:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_ec2::types::{
        InstanceType as Name, LaunchTemplateInstanceMarketOptions, MemoryInfo, ProcessorInfo, VCpuInfo,
    };

    fn info(vcpus: Option<i32>, memory: Option<i64>, architectures: &[ArchitectureType]) -> InstanceTypeInfo {
        InstanceTypeInfo::builder()
            .v_cpu_info(VCpuInfo::builder().set_default_v_cpus(vcpus).build())
            .memory_info(MemoryInfo::builder().set_size_in_mib(memory).build())
            .processor_info(ProcessorInfo::builder().set_supported_architectures(Some(architectures.to_vec())).build())
            .build()
    }

    #[test]
    fn an_instance_type_is_what_ec2_says_it_is() {
        let x86 = [ArchitectureType::I386, ArchitectureType::X8664];
        let cases = [
            ("plain", info(Some(2), Some(8192), &x86), Ok((2_048, 8_192, Architecture::X8664))),
            (
                "Graviton",
                info(Some(4), Some(16_384), &[ArchitectureType::Arm64]),
                Ok((4_096, 16_384, Architecture::Arm64)),
            ),
            ("no vCPU count", info(None, Some(1), &x86), Err("no vCPU count")),
            ("no memory", info(Some(1), None, &x86), Err("no memory size")),
            ("a Mac", info(Some(1), Some(1), &[ArchitectureType::X8664Mac]), Err("no architecture that ECS runs on")),
            ("nothing at all", InstanceTypeInfo::builder().build(), Err("no vCPU count")),
        ];
        for (name, given, expected) in cases {
            match (instance_type("m5.large", &given), expected) {
                (Ok(actual), Ok((cpu, memory, architecture))) => {
                    assert_eq!(
                        (actual.cpu.0, actual.memory.0, actual.architecture),
                        (cpu, memory, architecture),
                        "{name}"
                    );
                }
                (Err(actual), Err(expected)) => {
                    assert!(actual.starts_with(expected), "{name}: {actual}")
                }
                (actual, _) => panic!("{name}: {actual:?}"),
            }
        }
    }

    #[test]
    fn a_launch_template_asks_for_a_market_and_a_type() {
        let market = |market: Option<MarketType>| {
            ResponseLaunchTemplateData::builder()
                .instance_market_options(LaunchTemplateInstanceMarketOptions::builder().set_market_type(market).build())
                .build()
        };
        let cases = [
            ("nothing", ResponseLaunchTemplateData::builder().build(), (TemplateMarket::OnDemand, None, false)),
            ("empty options", market(None), (TemplateMarket::OnDemand, None, false)),
            ("Spot", market(Some(MarketType::Spot)), (TemplateMarket::Spot, None, false)),
            ("capacity blocks", market(Some(MarketType::CapacityBlock)), (TemplateMarket::Other, None, false)),
            ("unknown", market(Some(MarketType::from("barter"))), (TemplateMarket::Other, None, false)),
            (
                "a type",
                ResponseLaunchTemplateData::builder().instance_type(Name::from("m5.large")).build(),
                (TemplateMarket::OnDemand, Some("m5.large"), false),
            ),
            (
                "requirements",
                ResponseLaunchTemplateData::builder()
                    .instance_requirements(InstanceRequirements::builder().build())
                    .build(),
                (TemplateMarket::OnDemand, None, true),
            ),
        ];
        for (name, given, (market, instance_type, by_requirements)) in cases {
            let requirements = by_requirements.then(Requirements::default);
            let expected = LaunchTemplate { market, instance_type: instance_type.map(str::to_owned), requirements };
            assert_eq!(launch_template(&given), expected, "{name}");
        }
    }
}
