//! What a strategy may be, and what a change of it does.

use super::*;

fn refused(world: &mut World, service: &str, strategy: Vec<StrategyItem>) -> bool {
    world.update_service(&forced(service, Some(strategy))).is_err()
}

fn mixed_types(w: &mut World) -> bool {
    refused(w, "both", vec![item("FARGATE", 0, 1), item("od", 0, 1)])
}

pub(super) fn cases() -> Vec<Case> {
    vec![
        case(Rule::StrategyChangeMustBeForced, &[], |w| {
            let call = UpdateService { force_new_deployment: false, ..forced("web", Some(half_spot())) };
            w.update_service(&call).is_err()
        }),
        case(Rule::OrderIsNoChange, &[], |w| {
            w.update_service(&forced("web", Some(half_spot()))).unwrap();
            let other_way_round = Some(half_spot().into_iter().rev().collect());
            w.update_service(&UpdateService { force_new_deployment: false, ..forced("web", other_way_round) }).is_ok()
        }),
        case(Rule::DesiredCountIsTaken, &[], |w| {
            set_desired(w, "strat", 6);
            let call = UpdateService { desired_count: Some(2), ..forced("strat", None) };
            w.update_service(&call).unwrap();
            get(w, "strat").desired_count == 2
        }),
        case(Rule::ForcedDeploymentReplacesAll, &[], |w| {
            let old = get(w, "strat").tasks.clone();
            w.update_service(&forced("strat", Some(vec![item("FARGATE", 0, 1)]))).unwrap();
            w.advance_by(300.0);
            old.iter().all(|t| !w.tasks[t].is_running())
        }),
        case(Rule::TagsResolveAgain, &[], |w| {
            let digest = |w: &World| get(w, "web").current().unwrap().images[0].image_digest.clone();
            let before = digest(w);
            fault(w, serde_json::json!({"fault": "push_image", "image": "i:latest"}), true).unwrap();
            w.update_service(&forced("web", Some(half_spot()))).unwrap();
            digest(w) != before
        }),
        case(
            Rule::FamilyMeansLatest,
            &[(
                "taskDefinitions:\n",
                "taskDefinitions:\n  - { family: f, revision: 2, cpu: 256, memory: 512, networkMode: awsvpc, requiresCompatibilities: [FARGATE], containerDefinitions: [{ name: a, image: \"i:2\" }] }\n",
            )],
            |w| {
                let call = UpdateService { task_definition: Some("f".to_owned()), ..forced("win", None) };
                w.update_service(&call).unwrap();
                get(w, "win").current().unwrap().task_definition.revision == 2
            },
        ),
        case(Rule::BackToTheFirstLaunchTypeOnly, &[], |w| refused(w, "strat", vec![])),
        case(Rule::TaskDefinitionMustFit, &[], |w| refused(w, "web", vec![item("od", 0, 1)])),
        case(
            Rule::AtMostTwentyProviders,
            &[
                (
                    "[FARGATE, FARGATE_SPOT, od, spot, leaving]",
                    "[FARGATE, p0, p1, p2, p3, p4, p5, p6, p7, p8, p9, p10, p11, p12, p13, p14, p15, p16, p17, p18, p19, p20, od, spot, leaving, FARGATE_SPOT]",
                ),
                ("capacityProviders:\n", &TWENTY_ONE),
            ],
            |w| refused(w, "ec2", (0..21).map(|n| item(&format!("p{n}"), 0, 1)).collect()),
        ),
        case(Rule::BaseAndWeightHaveRanges, &[], |w| {
            let most = vec![item("FARGATE", 100_000, 1_000)];
            refused(w, "web", vec![item("FARGATE", 100_001, 1)])
                && refused(w, "web", vec![item("FARGATE", 0, 1_001)])
                && !refused(w, "web", most)
        }),
        case(Rule::PutProvidersReplacesTheList, &[], |w| {
            let used = ["FARGATE", "od"].map(str::to_owned).to_vec();
            w.put_cluster_capacity_providers("c", used.clone(), vec![]).unwrap();
            w.clusters["c"].capacity_providers == used && refused(w, "web", half_spot())
        }),
        case(Rule::OneBase, &[], |w| refused(w, "web", vec![item("FARGATE", 1, 1), item("FARGATE_SPOT", 1, 1)])),
        case(Rule::SomeWeight, &[], |w| refused(w, "web", vec![item("FARGATE", 1, 0), item("FARGATE_SPOT", 0, 0)])),
        case(Rule::OneProviderType, &[], mixed_types),
        case(Rule::ProviderMustBeAssociated, &[], |w| refused(w, "ec2", vec![item("elsewhere", 0, 1)])),
        case(Rule::ProviderMustBeActive, &[], |w| refused(w, "ec2", vec![item("leaving", 0, 1)])),
        case(
            Rule::ManagedInstancesBelongToACluster,
            &[
                (
                    "clusters:\n",
                    "  - { name: mi, cluster: d, managedInstancesProvider: { capacityOptionType: SPOT } }\nclusters:\n  - { clusterName: d, capacityProviders: [mi] }\n",
                ),
                (
                    "requiresCompatibilities: [FARGATE, EC2]",
                    "requiresCompatibilities: [FARGATE, EC2, MANAGED_INSTANCES]",
                ),
            ],
            |w| {
                w.clusters.get_mut("c").unwrap().capacity_providers.push("mi".to_owned());
                refused(w, "both", vec![item("mi", 0, 1)])
            },
        ),
        case(Rule::FargateSpotPlatforms, &[], |w| refused(w, "win", half_spot())),
        case(Rule::ForeignControllersRefuse, &[], |w| {
            refused(w, "deploy", half_spot()) && refused(w, "external", half_spot())
        }),
        case(Rule::DaemonsHaveNoStrategy, &[], |w| refused(w, "daemon", vec![item("od", 0, 1)])),
        case(
            Rule::ExternalInstancesHaveNoStrategy,
            &[
                (
                    "taskDefinition: both, desiredCount: 2, launchType: FARGATE",
                    "taskDefinition: any, desiredCount: 2, launchType: EXTERNAL",
                ),
                (
                    "  - { family: both,",
                    "  - { family: any, cpu: 256, memory: 512, networkMode: awsvpc, requiresCompatibilities: [EXTERNAL, FARGATE], containerDefinitions: [{ name: a, image: \"i:1\" }] }\n  - { family: both,",
                ),
            ],
            |w| refused(w, "both", half_spot()),
        ),
        case(
            Rule::ScaleInForgetsTheStrategy,
            &[("jitterPercent: 0 }", "jitterPercent: 0, scaleIn: onDemandFirst }")],
            |w| {
                let strategy = Some(vec![item("FARGATE", 2, 1), item("FARGATE_SPOT", 0, 1)]);
                w.update_service(&UpdateService { desired_count: Some(6), ..forced("strat", strategy) }).unwrap();
                run_out(w, "strat", 900);
                set_desired(w, "strat", 2);
                w.advance_by(300.0);
                // The base of the strategy is 2, and what is left is on Spot.
                on(w, "strat", "FARGATE") == 0
            },
        ),
        case(Rule::BaseComesFirst, &[], |w| {
            let strategy = Some(vec![item("FARGATE", 4, 1), item("FARGATE_SPOT", 0, 1)]);
            w.update_service(&forced("strat", strategy)).unwrap();
            run_out(w, "strat", 900);
            // The base of 4 holds 2 of 2 tasks, and no more than 4 once there are 8.
            let small = on(w, "strat", "FARGATE");
            set_desired(w, "strat", 8);
            w.advance_by(300.0);
            (small, on(w, "strat", "FARGATE"), on(w, "strat", "FARGATE_SPOT")) == (2, 6, 2)
        }),
        case(Rule::WeightZeroTakesNoTask, &[], |w| {
            let strategy = Some(vec![item("FARGATE", 2, 0), item("FARGATE_SPOT", 0, 1)]);
            w.update_service(&forced("strat", strategy)).unwrap();
            run_out(w, "strat", 900);
            (on(w, "strat", "FARGATE"), on(w, "strat", "FARGATE_SPOT")) == (0, 2)
        }),
        case(
            Rule::SplitAtPlacementOnly,
            &[("jitterPercent: 0 }", "jitterPercent: 0, scaleIn: onDemandFirst }")],
            |w| {
                let strategy = Some(vec![item("FARGATE", 0, 1), item("FARGATE_SPOT", 0, 1)]);
                w.update_service(&UpdateService { desired_count: Some(4), ..forced("strat", strategy) }).unwrap();
                run_out(w, "strat", 900);
                set_desired(w, "strat", 2);
                w.advance_by(86_400.0);
                // Nobody puts the halves right again.
                on(w, "strat", "FARGATE_SPOT") == 2
            },
        ),
        case(
            Rule::DefaultStrategyIsCopied,
            &[
                (
                    "{ clusterName: c,",
                    "{ clusterName: c, defaultCapacityProviderStrategy: [{ capacityProvider: FARGATE, weight: 2 }],",
                ),
                (
                    "  - { cluster: c, serviceName: strat,",
                    "  - { cluster: c, serviceName: plain, taskDefinition: f, desiredCount: 2 }\n  - { cluster: c, serviceName: strat,",
                ),
            ],
            |w| {
                let providers =
                    w.clusters["c"].capacity_providers.iter().filter(|p| *p != "leaving").cloned().collect();
                w.put_cluster_capacity_providers("c", providers, vec![item("FARGATE_SPOT", 0, 1)]).unwrap();
                w.update_service(&forced("plain", None)).unwrap();
                run_out(w, "plain", 900);
                on(w, "plain", "FARGATE") == 2
            },
        ),
        case(Rule::MinimumAndMaximumLeaveRoom, &[], |w| {
            let configuration = serde_json::json!({"minimumHealthyPercent": 100, "maximumPercent": 100});
            let call = UpdateService {
                deployment_configuration: serde_json::from_value(configuration).ok(),
                ..forced("web", None)
            };
            w.update_service(&call).is_err()
        }),
    ]
}

static TWENTY_ONE: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
    (0..21).fold("capacityProviders:\n".to_owned(), |all, n| {
        format!("{all}  - {{ name: p{n}, autoScalingGroupProvider: {{ autoScalingGroup: od }} }}\n")
    })
});
