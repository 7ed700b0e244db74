//! Capacity pools: what they give, which one is taken, and what a group says when there is nothing.

use serde_json::json;

use super::*;
use crate::world::pools::PoolKey;

/// An account with one mixed group over three types.
fn diversified(strategy: &str, pools: &str) -> World {
    world_with(|a| {
        a.replace("instanceTypes: [m5.large], instancesDistribution: { onDemandPercentageAboveBaseCapacity: 0 }", &format!(
            "instanceTypes: [m5.large, c5.large, r5.large], instancesDistribution: {{ onDemandPercentageAboveBaseCapacity: 0, spotAllocationStrategy: {strategy} }}"
        )) + &format!("pools:\n{pools}")
    })
}

fn launched(world: &mut World, count: usize) -> Vec<String> {
    (0..count)
        .filter_map(|_| {
            let id = world.launch_instance("spot", true).ok()?;
            Some(world.instances[&id].pool().to_string())
        })
        .collect()
}

#[test]
fn each_allocation_strategy_takes_its_pools() {
    let pools = "  - { instanceType: m5.large, spotObtainable: 10, spotPrice: 0.03 }\n  - { instanceType: c5.large, spotObtainable: 12, spotPrice: 0.02 }\n  - { instanceType: r5.large, spotObtainable: 2, spotPrice: 0.01 }\n";
    for (strategy, want) in [
        ("capacity-optimized", ["c5.large", "c5.large"]),
        // The first in the order of the overrides that is nearly as deep.
        ("capacity-optimized-prioritized", ["m5.large", "m5.large"]),
        // The cheapest of those that are nearly as deep.
        ("price-capacity-optimized", ["c5.large", "c5.large"]),
        // The two cheapest, in turn.
        ("lowest-price", ["r5.large", "c5.large"]),
    ] {
        let mut world = diversified(strategy, pools);
        // One zone, so that the pools alone decide.
        world.groups.get_mut("spot").unwrap().subnets.truncate(1);
        let types: Vec<String> = launched(&mut world, 2).iter().map(|p| p.replace("/eu-west-1a", "")).collect();
        assert_eq!(types, want, "{strategy}");
    }
}

#[test]
fn a_pool_is_as_good_as_the_deepest_from_the_percentage_of_the_setting_on() {
    let pools = "  - { instanceType: m5.large, spotObtainable: 10, spotPrice: 0.03 }\n  - { instanceType: c5.large, spotObtainable: 12, spotPrice: 0.02 }\n  - { instanceType: r5.large, spotObtainable: 2, spotPrice: 0.01 }\n";
    for (percent, prioritized, priced) in
        [(10, "m5.large", "r5.large"), (50, "m5.large", "c5.large"), (90, "c5.large", "c5.large")]
    {
        for (strategy, want) in [("capacity-optimized-prioritized", prioritized), ("price-capacity-optimized", priced)]
        {
            let mut world = diversified(strategy, pools);
            world.settings.deep_pool_percent = percent;
            world.groups.get_mut("spot").unwrap().subnets.truncate(1);
            assert_eq!(launched(&mut world, 1), [format!("{want}/eu-west-1a")], "{strategy} from {percent} %");
        }
    }
}

#[test]
fn a_group_spreads_over_its_zones_and_goes_elsewhere_when_one_has_nothing() {
    let mut world =
        diversified("capacity-optimized", "  - { instanceType: c5.large, zone: eu-west-1b, spotObtainable: 0 }\n");
    let zones = |pools: &[String]| pools.iter().map(|p| p.rsplit_once('/').unwrap().1.to_owned()).collect::<Vec<_>>();
    assert_eq!(zones(&launched(&mut world, 3)), ["eu-west-1a", "eu-west-1b", "eu-west-1c"]);
    for t in ["m5.large", "r5.large"] {
        world.set_obtainable(&format!("{t}/eu-west-1b"), Some(0)).unwrap();
    }
    world.advance_by(200.0);
    let pools = launched(&mut world, 3);
    assert!(zones(&pools).iter().all(|z| z != "eu-west-1b"), "{pools:?}");
}

#[test]
fn a_pool_follows_its_schedule_and_what_is_above_it_is_reclaimed() {
    let mut world = world_with(|a| {
        a.replace(
            "capacityProviderStrategy: [{ capacityProvider: od, weight: 1 }] }\n  - { cluster: c, serviceName: win",
            "capacityProviderStrategy: [{ capacityProvider: spot, weight: 1 }] }\n  - { cluster: c, serviceName: win",
        ) + "pools:\n  - { instanceType: m5.large, spotObtainable: [{ after: 0, count: 1 }, { after: 3600, count: 0 }, { after: 7200, count: 1 }] }\n"
    });
    assert_eq!(on(&world, "ec2", "spot"), 4);
    world.advance_by(3610.0);
    assert!(world.instances_of("spot").all(|i| i.reclaimed_at.is_some() && i.draining));
    world.advance_by(120.0);
    assert_eq!((world.instances_of("spot").count(), on(&world, "ec2", "spot")), (0, 0));
    let failed = &world.groups["spot"].activities[0];
    assert_eq!(failed.status_code, "Failed");
    assert!(failed.status_message.as_ref().unwrap().contains("There is no Spot capacity available"));
    world.advance_by(3600.0 + 300.0);
    assert_eq!(on(&world, "ec2", "spot"), 4, "the capacity is back, and so are the tasks");
    assert_eq!(world.felt().interruptions.values().sum::<u64>(), 2);
}

#[test]
fn on_demand_can_run_out_too() {
    let mut world = world();
    for pool in world.pools.values_mut() {
        pool.on_demand = crate::world::schedule::Schedule::constant(Some(0));
    }
    fault(
        &mut world,
        json!({"fault": "set_desired_count", "cluster": "c", "service": "ec2", "desired_count": 12}),
        true,
    )
    .unwrap();
    world.advance_by(600.0);
    let message = world.groups["od"].activities[0].status_message.clone().unwrap();
    assert!(message.contains("InsufficientInstanceCapacity") && message.contains("m5.large"), "{message}");
}

#[test]
fn vcpu_quotas_bind() {
    for (code, provider, text) in
        [("L-34B43A08", "spot", "MaxSpotInstanceCountExceeded"), ("L-1216C47A", "od", "vCPU limit of 4")]
    {
        let mut world = world_with(|a| format!("{a}quotas: [{{ serviceCode: ec2, quotaCode: {code}, value: 4 }}]\n"));
        let call = UpdateService { desired_count: Some(16), ..forced("ec2", Some(vec![item(provider, 0, 1)])) };
        world.update_service(&call).unwrap();
        world.advance_by(1200.0);
        let spot = provider == "spot";
        assert_eq!(world.instances.values().filter(|i| i.spot == spot).map(|i| i.vcpus).sum::<u32>(), 4, "{provider}");
        let message = world.groups[provider].activities[0].status_message.clone().unwrap();
        assert!(message.contains(text), "{message}");
    }
    // 0.25 vCPU a task: four are there, and four more are allowed.
    let mut world =
        world_with(|a| format!("{a}quotas: [{{ serviceCode: fargate, quotaCode: L-36FBB829, value: 0.5 }}]\n"));
    world.update_service(&forced("web", Some(vec![item("FARGATE_SPOT", 0, 1)]))).unwrap();
    world.advance_by(1200.0);
    assert_eq!(on(&world, "web", "FARGATE_SPOT"), 2);
    assert!(get(&world, "web").events.iter().any(|e| e.message.contains("limit on the number of vCPUs")));
}

#[test]
fn fargate_spot_has_a_pool_in_each_zone() {
    let mut world = world();
    for zone in ["a", "b", "c"] {
        world.set_obtainable(&format!("FARGATE_SPOT/eu-west-1{zone}"), Some(u32::from(zone != "c"))).unwrap();
    }
    world.update_service(&forced("web", Some(vec![item("FARGATE_SPOT", 0, 1)]))).unwrap();
    world.advance_by(900.0);
    let mut zones: Vec<String> = get(&world, "web")
        .tasks
        .iter()
        .map(|t| &world.tasks[t])
        .filter(|t| t.is_running() && t.provider.is_some())
        .map(|t| t.zone.clone())
        .collect();
    zones.sort();
    assert_eq!(zones, ["eu-west-1a", "eu-west-1b"]);
    // A drought takes nothing away, and gives nothing more.
    for zone in ["a", "b", "c"] {
        fault(&mut world, json!({"fault": "set_obtainable", "pool": format!("FARGATE_SPOT/eu-west-1{zone}")}), true)
            .unwrap();
        fault(&mut world, json!({"fault": "drought", "pool": format!("FARGATE_SPOT/eu-west-1{zone}")}), true).unwrap();
    }
    world.advance_by(900.0);
    assert_eq!(on(&world, "web", "FARGATE_SPOT"), 2);
    fault(&mut world, json!({"fault": "drought", "pool": "FARGATE_SPOT/eu-west-1c"}), false).unwrap();
    world.advance_by(900.0);
    assert_eq!(on(&world, "web", "FARGATE_SPOT"), 4);
}

#[test]
fn what_is_held_is_counted() {
    let mut world = world();
    world.update_service(&forced("web", Some(half_spot()))).unwrap();
    world.update_service(&forced("ec2", Some(vec![item("spot", 0, 1)]))).unwrap();
    world.advance_by(1200.0);
    let held = |w: &World, kind: &str| -> u32 {
        w.pools.iter().filter(|(k, _)| k.instance_type == kind).map(|(_, p)| p.spot_held).sum()
    };
    assert_eq!((held(&world, "FARGATE_SPOT"), held(&world, "m5.large")), (1, 2));
    world.update_service(&forced("web", Some(vec![]))).unwrap();
    world.update_service(&forced("ec2", Some(vec![item("od", 0, 1)]))).unwrap();
    world.advance_by(7200.0);
    assert_eq!((held(&world, "FARGATE_SPOT"), held(&world, "m5.large")), (0, 0));
    assert!(world.obtainable(&PoolKey::new("m5.large", "eu-west-1a"), true).is_none());
}
