//! Instance requirements on their way from a group to a question: out of an SDK's shape into
//! core's opaque one, and from there into the shape of a request.

use std::collections::BTreeMap;

use aws_sdk_ec2::types::builders::InstanceRequirementsRequestBuilder;
use aws_sdk_ec2::types::{
    AcceleratorCountRequest, AcceleratorTotalMemoryMiBRequest, BaselineEbsBandwidthMbpsRequest,
    BaselinePerformanceFactorsRequest, CpuPerformanceFactorRequest, InstanceRequirementsRequest,
    MemoryGiBPerVCpuRequest, MemoryMiBRequest, NetworkBandwidthGbpsRequest, NetworkInterfaceCountRequest,
    PerformanceFactorReferenceRequest, TotalLocalStorageGbRequest, VCpuCountRangeRequest,
};
use serde_json::{Map, Value};
use spotkeeper_core::signals::Requirements;

/// Reads instance requirements out of the shape of an SDK: EC2's and Auto Scaling's have the same
/// members under the same names. What only one of them has follows, as a name and a value.
#[macro_export]
macro_rules! requirements {
    ($from:expr $(, $name:literal: $value:expr)*) => {{
        let from = $from;
        let mut all = $crate::Members::default();
        all.range("VCpuCount", from.v_cpu_count().map(|it| (it.min(), it.max())));
        all.range("MemoryMiB", from.memory_mib().map(|it| (it.min(), it.max())));
        all.texts("CpuManufacturers", from.cpu_manufacturers().iter().map(|it| it.as_str()));
        all.range("MemoryGiBPerVCpu", from.memory_gib_per_v_cpu().map(|it| (it.min(), it.max())));
        all.texts("ExcludedInstanceTypes", from.excluded_instance_types().iter().map(|it| it.as_str()));
        all.texts("InstanceGenerations", from.instance_generations().iter().map(|it| it.as_str()));
        all.one("SpotMaxPricePercentageOverLowestPrice", from.spot_max_price_percentage_over_lowest_price());
        all.one("OnDemandMaxPricePercentageOverLowestPrice", from.on_demand_max_price_percentage_over_lowest_price());
        all.one(
            "MaxSpotPriceAsPercentageOfOptimalOnDemandPrice",
            from.max_spot_price_as_percentage_of_optimal_on_demand_price(),
        );
        all.one("BareMetal", from.bare_metal().map(|it| it.as_str()));
        all.one("BurstablePerformance", from.burstable_performance().map(|it| it.as_str()));
        all.one("RequireHibernateSupport", from.require_hibernate_support());
        all.range("NetworkInterfaceCount", from.network_interface_count().map(|it| (it.min(), it.max())));
        all.one("LocalStorage", from.local_storage().map(|it| it.as_str()));
        all.texts("LocalStorageTypes", from.local_storage_types().iter().map(|it| it.as_str()));
        all.range("TotalLocalStorageGB", from.total_local_storage_gb().map(|it| (it.min(), it.max())));
        all.range("BaselineEbsBandwidthMbps", from.baseline_ebs_bandwidth_mbps().map(|it| (it.min(), it.max())));
        all.texts("AcceleratorTypes", from.accelerator_types().iter().map(|it| it.as_str()));
        all.range("AcceleratorCount", from.accelerator_count().map(|it| (it.min(), it.max())));
        all.texts("AcceleratorManufacturers", from.accelerator_manufacturers().iter().map(|it| it.as_str()));
        all.texts("AcceleratorNames", from.accelerator_names().iter().map(|it| it.as_str()));
        all.range("AcceleratorTotalMemoryMiB", from.accelerator_total_memory_mib().map(|it| (it.min(), it.max())));
        all.range("NetworkBandwidthGbps", from.network_bandwidth_gbps().map(|it| (it.min(), it.max())));
        all.texts("AllowedInstanceTypes", from.allowed_instance_types().iter().map(|it| it.as_str()));
        let factors = from.baseline_performance_factors().and_then(|it| it.cpu());
        let families = factors.iter().flat_map(|it| it.references()).filter_map(|it| it.instance_family());
        // The families of `Cpu.References[].InstanceFamily`: all that there is in it.
        all.texts("BaselinePerformanceFactors", families);
        $(all.one($name, $value);)*
        all.done()
    }};
}

/// Requirements as they are read. For the macro of that name.
#[derive(Debug, Default)]
pub struct Members(BTreeMap<String, Value>);

impl Members {
    /// A range, where there is one: what has no end goes on.
    pub fn range<T: Into<Value>>(&mut self, name: &str, range: Option<(Option<T>, Option<T>)>) {
        let Some((min, max)) = range else { return };
        let ends = [("Min", min), ("Max", max)].into_iter();
        let ends: Map<String, Value> = ends.filter_map(|(end, it)| Some((end.to_owned(), it?.into()))).collect();
        self.one(name, Some(Value::Object(ends)));
    }

    /// A list, unless it is empty; its order says nothing.
    pub fn texts<'t>(&mut self, name: &str, texts: impl Iterator<Item = &'t str>) {
        let mut texts: Vec<&str> = texts.collect();
        texts.sort_unstable();
        texts.dedup();
        self.one(name, (!texts.is_empty()).then(|| Value::from(texts)));
    }

    /// A value, where there is one.
    pub fn one<T: Into<Value>>(&mut self, name: &str, value: Option<T>) {
        if let Some(value) = value {
            self.0.insert(name.to_owned(), value.into());
        }
    }

    /// All of them.
    #[must_use]
    pub fn done(self) -> Requirements {
        Requirements(self.0)
    }
}

/// The shape of a request. One that cannot be passed on whole is not passed on: a question that
/// leaves a requirement out is about other instances.
pub(crate) fn request(requirements: &Requirements) -> Result<InstanceRequirementsRequest, String> {
    let mut request = InstanceRequirementsRequest::builder();
    for (name, value) in &requirements.0 {
        request = member(request, name, value)
            .ok_or_else(|| format!("the instance requirement {name} of {value} cannot be passed on"))?;
    }
    Ok(request.build())
}

/// A range of a request: of whole numbers or of others.
macro_rules! range {
    ($shape:ident, $number:ident, $value:expr) => {
        $shape::builder().set_min($number($value, "Min")?).set_max($number($value, "Max")?).build()
    };
}

fn member(
    request: InstanceRequirementsRequestBuilder,
    name: &str,
    value: &Value,
) -> Option<InstanceRequirementsRequestBuilder> {
    Some(match name {
        "VCpuCount" => request.v_cpu_count(range!(VCpuCountRangeRequest, whole, value)),
        "MemoryMiB" => request.memory_mib(range!(MemoryMiBRequest, whole, value)),
        "CpuManufacturers" => request.set_cpu_manufacturers(Some(words(value)?)),
        "MemoryGiBPerVCpu" => request.memory_gib_per_v_cpu(range!(MemoryGiBPerVCpuRequest, decimal, value)),
        "ExcludedInstanceTypes" => request.set_excluded_instance_types(Some(words(value)?)),
        "InstanceGenerations" => request.set_instance_generations(Some(words(value)?)),
        "SpotMaxPricePercentageOverLowestPrice" => request.spot_max_price_percentage_over_lowest_price(number(value)?),
        "OnDemandMaxPricePercentageOverLowestPrice" => {
            request.on_demand_max_price_percentage_over_lowest_price(number(value)?)
        }
        "MaxSpotPriceAsPercentageOfOptimalOnDemandPrice" => {
            request.max_spot_price_as_percentage_of_optimal_on_demand_price(number(value)?)
        }
        "BareMetal" => request.bare_metal(value.as_str()?.into()),
        "BurstablePerformance" => request.burstable_performance(value.as_str()?.into()),
        "RequireHibernateSupport" => request.require_hibernate_support(value.as_bool()?),
        "NetworkInterfaceCount" => request.network_interface_count(range!(NetworkInterfaceCountRequest, whole, value)),
        "LocalStorage" => request.local_storage(value.as_str()?.into()),
        "LocalStorageTypes" => request.set_local_storage_types(Some(words(value)?)),
        "TotalLocalStorageGB" => request.total_local_storage_gb(range!(TotalLocalStorageGbRequest, decimal, value)),
        "BaselineEbsBandwidthMbps" => {
            request.baseline_ebs_bandwidth_mbps(range!(BaselineEbsBandwidthMbpsRequest, whole, value))
        }
        "AcceleratorTypes" => request.set_accelerator_types(Some(words(value)?)),
        "AcceleratorCount" => request.accelerator_count(range!(AcceleratorCountRequest, whole, value)),
        "AcceleratorManufacturers" => request.set_accelerator_manufacturers(Some(words(value)?)),
        "AcceleratorNames" => request.set_accelerator_names(Some(words(value)?)),
        "AcceleratorTotalMemoryMiB" => {
            request.accelerator_total_memory_mib(range!(AcceleratorTotalMemoryMiBRequest, whole, value))
        }
        "NetworkBandwidthGbps" => request.network_bandwidth_gbps(range!(NetworkBandwidthGbpsRequest, decimal, value)),
        "AllowedInstanceTypes" => request.set_allowed_instance_types(Some(words(value)?)),
        "BaselinePerformanceFactors" => request.baseline_performance_factors(factors(value)?),
        "RequireEncryptionInTransit" => request.require_encryption_in_transit(value.as_bool()?),
        _ => return None,
    })
}

/// An end of a range; `None` inside where it is open, outside where it is no number of the kind.
fn whole(range: &Value, end: &str) -> Option<Option<i32>> {
    range.get(end).map_or(Some(None), |value| number(value).map(Some))
}

/// The same for a number that need not be whole.
fn decimal(range: &Value, end: &str) -> Option<Option<f64>> {
    range.get(end).map_or(Some(None), |value| value.as_f64().map(Some))
}

fn number(value: &Value) -> Option<i32> {
    value.as_i64().and_then(|number| i32::try_from(number).ok())
}

fn words<T: for<'w> From<&'w str>>(value: &Value) -> Option<Vec<T>> {
    value.as_array()?.iter().map(|one| one.as_str().map(T::from)).collect()
}

fn factors(families: &Value) -> Option<BaselinePerformanceFactorsRequest> {
    let families: Vec<String> = words(families)?;
    let reference = |family| PerformanceFactorReferenceRequest::builder().instance_family(family).build();
    let references = families.into_iter().map(reference).collect();
    let cpu = CpuPerformanceFactorRequest::builder().set_references(Some(references)).build();
    Some(BaselinePerformanceFactorsRequest::builder().cpu(cpu).build())
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{
        AcceleratorCount, AcceleratorManufacturer, AcceleratorName, AcceleratorTotalMemoryMiB, AcceleratorType,
        BareMetal, BaselineEbsBandwidthMbps, BaselinePerformanceFactors, BurstablePerformance, CpuManufacturer,
        CpuPerformanceFactor, InstanceGeneration, InstanceRequirements, LocalStorage, LocalStorageType,
        MemoryGiBPerVCpu, MemoryMiB, NetworkBandwidthGbps, NetworkInterfaceCount, PerformanceFactorReference,
        TotalLocalStorageGb, VCpuCountRange,
    };
    use serde_json::json;

    use super::*;
    use crate::template_requirements;

    /// Every member that the SDK has: the test below fails when it gets another.
    fn all_members() -> InstanceRequirements {
        let factor = PerformanceFactorReference::builder().instance_family("m6i").build();
        InstanceRequirements::builder()
            .v_cpu_count(VCpuCountRange::builder().min(2).max(8).build())
            .memory_mib(MemoryMiB::builder().min(4_096).max(8_192).build())
            .cpu_manufacturers(CpuManufacturer::Intel)
            .cpu_manufacturers(CpuManufacturer::Amd)
            .memory_gib_per_v_cpu(MemoryGiBPerVCpu::builder().min(1.5).max(4.0).build())
            .excluded_instance_types("t3.*")
            .instance_generations(InstanceGeneration::Current)
            .spot_max_price_percentage_over_lowest_price(50)
            .on_demand_max_price_percentage_over_lowest_price(20)
            .max_spot_price_as_percentage_of_optimal_on_demand_price(70)
            .bare_metal(BareMetal::Excluded)
            .burstable_performance(BurstablePerformance::Included)
            .require_hibernate_support(false)
            .network_interface_count(NetworkInterfaceCount::builder().min(1).max(4).build())
            .local_storage(LocalStorage::Required)
            .local_storage_types(LocalStorageType::Ssd)
            .total_local_storage_gb(TotalLocalStorageGb::builder().min(10.5).max(20.0).build())
            .baseline_ebs_bandwidth_mbps(BaselineEbsBandwidthMbps::builder().min(100).max(200).build())
            .accelerator_types(AcceleratorType::Gpu)
            .accelerator_count(AcceleratorCount::builder().min(0).max(1).build())
            .accelerator_manufacturers(AcceleratorManufacturer::Nvidia)
            .accelerator_names(AcceleratorName::T4)
            .accelerator_total_memory_mib(AcceleratorTotalMemoryMiB::builder().min(1).max(2).build())
            .network_bandwidth_gbps(NetworkBandwidthGbps::builder().min(0.5).max(10.0).build())
            .allowed_instance_types("m6i.*")
            .baseline_performance_factors(
                BaselinePerformanceFactors::builder()
                    .cpu(CpuPerformanceFactor::builder().references(factor).build())
                    .build(),
            )
            .require_encryption_in_transit(true)
            .build()
    }

    #[test]
    fn every_requirement_is_passed_on() {
        let given = all_members();
        let bare = |shape: String| shape.replace("Request", "");
        let words = bare(format!("{given:?}"));
        assert!(!words.contains("None"), "a member of the SDK's is not among those of this test: {words}");
        let passed_on = request(&template_requirements(&given)).unwrap();
        // The lists come in order: CpuManufacturers is the only one of two here.
        assert_eq!(bare(format!("{passed_on:?}")), words.replace("[Intel, Amd]", "[Amd, Intel]"));
    }

    #[test]
    fn requirements_are_canonical() {
        let range = VCpuCountRange::builder().min(2).build();
        let one = InstanceRequirements::builder()
            .v_cpu_count(range)
            .excluded_instance_types("t3.*")
            .excluded_instance_types("a1.*")
            .build();
        let read = template_requirements(&one);
        let expected = json!({ "ExcludedInstanceTypes": ["a1.*", "t3.*"], "VCpuCount": { "Min": 2 } });
        assert_eq!(serde_json::to_value(&read).unwrap(), expected);
        assert_eq!(template_requirements(&InstanceRequirements::builder().build()), Requirements::default());
    }

    #[test]
    fn what_cannot_be_passed_on_whole_is_not_passed_on() {
        let cases = [
            ("an unknown one", json!({ "Colour": "blue" }), "Colour of \"blue\""),
            ("half a vCPU", json!({ "VCpuCount": { "Min": 0.5 } }), "VCpuCount of"),
            ("a word for a list", json!({ "CpuManufacturers": "intel" }), "CpuManufacturers of"),
            ("a word for a number", json!({ "MemoryMiB": { "Max": "8" } }), "MemoryMiB of"),
        ];
        for (name, given, part) in cases {
            let given: Requirements = serde_json::from_value(given).unwrap();
            let said = request(&given).unwrap_err();
            assert!(said.contains(part), "{name}: {said}");
        }
    }
}
