//! Random histories: replicas read, are overtaken and write; Secrets vanish and rot; time passes.

use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::Index;

use crate::world::{Replica, World, round};

#[derive(Debug, Clone)]
enum Step {
    Look(usize),
    Act(usize),
    Restart(usize),
    /// Minutes pass, and every replica gets to work.
    Pass(u32),
    /// A third of an authority's life passes, a few hours at a time.
    Months,
    Delete,
    /// One value of the Secret is replaced by its first bytes.
    Cut(Index, Index),
    Drop(Index),
    /// Somebody empties what is published.
    Blank,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        16 => (0..3_usize).prop_map(Step::Look),
        24 => (0..3_usize).prop_map(Step::Act),
        2 => (0..3_usize).prop_map(Step::Restart),
        4 => (1..240_u32).prop_map(Step::Pass),
        1 => Just(Step::Months),
        2 => Just(Step::Delete),
        2 => any::<(Index, Index)>().prop_map(|(which, at)| Step::Cut(which, at)),
        2 => any::<Index>().prop_map(Step::Drop),
        1 => Just(Step::Blank),
    ]
}

fn spoil(world: &mut World, which: &Index, cut: Option<&Index>) {
    let Some((_, mut data)) = world.secret.clone() else { return };
    if data.is_empty() {
        return;
    }
    let name = which.get(&data.keys().cloned().collect::<Vec<_>>()).clone();
    match (cut, data.get_mut(&name)) {
        (Some(at), Some(value)) => value.truncate(at.index(value.len().max(1))),
        _ => drop(data.remove(&name)),
    }
    world.put_secret(Some(data));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn every_leaf_verifies_at_every_step(
        skews in prop::array::uniform3(-600..=600_i64),
        steps in prop::collection::vec(step(), 1..100),
    ) {
        let mut world = World::new();
        let mut replicas: Vec<Replica> = skews.map(Replica::new).into();
        for step in steps {
            match &step {
                Step::Look(at) => replicas[*at].look(&world),
                Step::Act(at) => drop(replicas[*at].act(&mut world)),
                Step::Restart(at) => replicas[*at].restart(),
                Step::Pass(minutes) => {
                    world.now += Duration::from_secs(u64::from(*minutes) * 60);
                    round(&mut world, &mut replicas);
                }
                Step::Months => {
                    for _ in 0..365 * 24 / 3 / 7 {
                        world.now += Duration::from_secs(7 * 3600);
                        round(&mut world, &mut replicas);
                    }
                }
                Step::Delete => world.put_secret(None),
                Step::Cut(which, at) => spoil(&mut world, which, Some(at)),
                Step::Drop(which) => spoil(&mut world, which, None),
                Step::Blank => {
                    // Nothing verifies until a replica has put it back; nothing else is asked of them.
                    world.put_bundles(Some(vec![String::new(); 3]));
                    round(&mut world, &mut replicas);
                    world.forget_history();
                }
            }
            for replica in &replicas {
                let verified = world.verify(replica);
                prop_assert!(verified.is_ok(), "after {step:?}: {verified:?}");
            }
        }
        round(&mut world, &mut replicas);
        for replica in &replicas {
            prop_assert_eq!(replica.ready, Ok(()));
        }
        prop_assert!(world.ring().faults.is_empty());
        let texts = &world.bundles.as_ref().expect("published").1;
        prop_assert!(texts.iter().all(|text| text == &texts[0]));
    }
}
