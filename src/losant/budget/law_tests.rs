//! The law of a budget, whatever happens in whatever order.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Act {
    Ask(Urgency),
    Advance(u64),
    Throttle(usize, Option<u64>),
    Succeed(usize),
    Finish(usize),
    GiveUp(usize),
}

fn acts() -> impl Strategy<Value = Act> {
    prop_oneof![
        5 => Just(Act::Ask(Urgency::Detail)),
        2 => Just(Act::Ask(Urgency::Sweep)),
        4 => (0u64..3_000_000_000).prop_map(Act::Advance),
        1 => (any::<usize>(), proptest::option::of(0u64..5_000)).prop_map(|(which, ms)| Act::Throttle(which, ms)),
        3 => any::<usize>().prop_map(Act::Succeed),
        4 => any::<usize>().prop_map(Act::Finish),
        1 => any::<usize>().prop_map(Act::GiveUp),
    ]
}

proptest! {
    #[test]
    fn the_budget_is_never_exceeded_pauses_hold_and_everybody_is_served_in_turn(
        rate in 0.1f64..50.0,
        burst in 1u32..10,
        max_in_flight in 1usize..8,
        acts in proptest::collection::vec(acts(), 1..120),
    ) {
        let mut desk = Desk::new(rate, burst, max_in_flight);
        let mut pauses = Vec::new();
        for act in acts {
            match act {
                Act::Ask(urgency) => desk.ask_as(urgency),
                Act::Advance(ns) => desk.advance(Duration::from_nanos(ns)),
                Act::Throttle(which, ms) if !desk.held.is_empty() => {
                    let pause = ms.map(Duration::from_millis);
                    pauses.push((desk.granted.len(), desk.clock.uptime() + pause.unwrap_or_default()));
                    desk.held[which % desk.held.len()].throttled(pause);
                }
                Act::Succeed(which) if !desk.held.is_empty() => {
                    desk.held[which % desk.held.len()].succeeded();
                }
                Act::Finish(which) if !desk.held.is_empty() => {
                    desk.held.swap_remove(which % desk.held.len());
                    desk.settle();
                }
                Act::GiveUp(which) if !desk.waiting.is_empty() => {
                    drop(desk.waiting.remove(which % desk.waiting.len()));
                    desk.settle();
                }
                _ => {}
            }
            prop_assert!(desk.held.len() <= max_in_flight);
            let now = desk.budget.current_rate();
            prop_assert!(now <= rate && now >= rate * SLOWEST);
        }
        // Whoever is left gets a turn in the end.
        for _ in 0..desk.waiting.len() {
            desk.held.clear();
            desk.advance(Duration::from_secs(200));
        }
        prop_assert!(desk.waiting.is_empty());

        for (first, (_, from)) in desk.granted.iter().enumerate() {
            for (last, (_, to)) in desk.granted.iter().enumerate().skip(first) {
                let allowed = to.abs_diff(*from).as_secs_f64() * rate + f64::from(burst);
                let passed = f64::from(u32::try_from(last - first + 1).unwrap());
                prop_assert!(passed <= allowed + 1e-6, "{passed} passed, {allowed} allowed");
            }
        }
        for (granted_before, until) in pauses {
            for (who, at) in &desk.granted[granted_before..] {
                prop_assert!(*at >= until, "{who:?} passed at {at:?} in a pause until {until:?}");
            }
        }
        for class in [Urgency::Sweep, Urgency::Detail] {
            let equals = desk.granted.iter().filter(|((urgency, _), _)| *urgency == class);
            prop_assert!(equals.is_sorted_by_key(|((_, number), _)| *number), "out of turn");
        }
    }
}
