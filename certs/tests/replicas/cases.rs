//! The numbered cases of certificates that need neither a server nor a cluster.

use logtap_certs::{Authority, Change, Data, Keyring, Lifecycle, NotReady, Policy, Published, Stored};

use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use crate::world::{NAME, Replica, World, hours, round};

fn three() -> (World, Vec<Replica>) {
    (World::new(), [-600, 0, 600].map(Replica::new).into())
}

fn running() -> (World, Vec<Replica>) {
    let (mut world, mut replicas) = three();
    round(&mut world, &mut replicas);
    world.now += Policy::default().settle;
    (world, replicas)
}

#[track_caller]
fn all_good(world: &World, replicas: &[Replica]) {
    for replica in replicas {
        assert_eq!(replica.ready, Ok(()));
        world.verify(replica).unwrap();
    }
}

#[test]
fn case_121_three_start_together() {
    let (mut world, mut replicas) = three();
    for replica in &mut replicas {
        replica.look(&world);
    }
    for replica in &mut replicas {
        while replica.act(&mut world) {}
    }
    assert_eq!(world.authorities.len(), 1, "one was created");
    assert_eq!(world.conflicts, 2, "the others lost");
    round(&mut world, &mut replicas);
    assert_eq!(world.authorities.len(), 1);
    all_good(&world, &replicas);
}

#[test]
fn case_122_corrupt_secrets_are_made_anew() {
    let spoil: [fn(&mut Data); 7] = [
        Data::clear,
        |data| data.retain(|name, _| name != "ca.key"),
        |data| drop(data.insert("ca.crt".to_owned(), b"nonsense".to_vec())),
        |data| drop(data.insert("ca.key".to_owned(), vec![0xff, 0])),
        |data| {
            let other = Authority::mint(World::new().now, hours(1)).unwrap();
            data.insert("ca.key".to_owned(), other.key_pem().into_bytes());
        },
        |data| {
            let text = String::from_utf8(data["ca.crt"].clone()).unwrap();
            data.insert("ca.crt".to_owned(), text.as_bytes()[..text.len() / 2].to_vec());
        },
        |data| {
            let leaf = Authority::mint(World::new().now, hours(9)).unwrap();
            let leaf = leaf.sign(&[NAME.to_owned()], World::new().now, hours(1)).unwrap();
            data.insert("ca.crt".to_owned(), leaf.certificate().to_pem().into_bytes());
        },
    ];
    for spoil in spoil {
        let (mut world, mut replicas) = running();
        let mut data = world.secret.clone().unwrap().1;
        spoil(&mut data);
        world.put_secret(Some(data));
        for at in 0..3 {
            replicas[at].settle(&mut world);
            for replica in &replicas {
                world.verify(replica).unwrap();
            }
        }
        round(&mut world, &mut replicas);
        assert_eq!(world.authorities.len(), 2);
        assert!(world.ring().faults.is_empty() && world.ring().current.is_some());
        all_good(&world, &replicas);
    }
}

#[test]
fn faults_are_named() {
    let (world, _) = running();
    let mut data = world.secret.unwrap().1;
    data.insert("ca.key".to_owned(), b"nonsense".to_vec());
    let ring = Keyring::parse(&data);
    assert!(ring.faults[0].starts_with("ca.key: "), "{:?}", ring.faults);
    // Text without any PEM in it is no empty list.
    data.insert("retired.crt".to_owned(), b"nonsense".to_vec());
    let ring = Keyring::parse(&data);
    assert!(ring.faults.iter().any(|fault| fault.starts_with("retired.crt: ")), "{:?}", ring.faults);
}

#[test]
fn case_123_deleted_at_run_time() {
    let (mut world, mut replicas) = running();
    let old = world.ring().current.unwrap();
    world.put_secret(None);
    replicas[1].settle(&mut world);
    let new = world.ring();
    assert_ne!(new.current.as_ref(), Some(&old));
    assert!(new.retired.contains(old.certificate()), "the old one is kept for the leaves of the others");
    for replica in &replicas {
        world.verify(replica).unwrap();
    }
    round(&mut world, &mut replicas);
    all_good(&world, &replicas);
    assert!(replicas.iter().all(|one| *one.life.leaf().unwrap().issuer() == old), "API servers have not heard yet");
    world.now += Policy::default().settle;
    round(&mut world, &mut replicas);
    all_good(&world, &replicas);
    assert!(replicas.iter().all(|one| Some(one.life.leaf().unwrap().issuer()) == new.current.as_ref()));
}

#[test]
fn case_124_rotation_overlaps() {
    let (mut world, mut replicas) = running();
    let first = world.ring().current.unwrap();
    world.now += hours(365 * 16);
    round(&mut world, &mut replicas);
    let ring = world.ring();
    assert_eq!(ring.current.as_ref(), Some(&first), "the next one does not sign yet");
    let next = ring.next.expect("the next authority after two thirds");
    assert!(world.bundles.as_ref().unwrap().1.iter().all(|text| text.contains(&next.certificate().to_pem())));
    assert!(replicas.iter().all(|one| *one.life.leaf().unwrap().issuer() == first));
    world.now += Policy::default().settle;
    round(&mut world, &mut replicas);
    assert_eq!(world.ring().current.as_ref(), Some(&next));
    assert!(world.ring().retired.contains(first.certificate()));
    assert!(replicas.iter().all(|one| *one.life.leaf().unwrap().issuer() == next));
    all_good(&world, &replicas);
    world.now = first.certificate().not_after() + hours(2);
    round(&mut world, &mut replicas);
    all_good(&world, &replicas);
    let text = world.bundles.unwrap().1.remove(0);
    assert!(!text.contains(&first.certificate().to_pem()), "expired authorities leave the bundle");
}

#[test]
fn three_years_pass() {
    let (mut world, mut replicas) = running();
    for _ in 0..3 * 365 {
        world.now += hours(12);
        round(&mut world, &mut replicas);
        world.now += hours(12);
        round(&mut world, &mut replicas);
        all_good(&world, &replicas);
    }
    assert!((4..=6).contains(&world.authorities.len()), "{}", world.authorities.len());
}

#[test]
fn case_126_names_of_the_leaf() {
    let authority = Authority::mint(World::new().now, hours(100)).unwrap();
    let names = vec![NAME.to_owned(), format!("{NAME}.cluster.local")];
    let leaf = authority.sign(&names, World::new().now, hours(1)).unwrap();
    let (_, read) = X509Certificate::from_der(leaf.certificate().der()).unwrap();
    let subject = read.subject_alternative_name().unwrap().expect("names");
    let subject = subject.value.general_names.iter().map(|name| match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        other => panic!("{other:?}"),
    });
    assert_eq!(subject.collect::<Vec<_>>(), names);
    assert!(!leaf.certificate().is_authority());
    let (mut world, mut replicas) = running();
    world.now += hours(1);
    round(&mut world, &mut replicas);
    all_good(&world, &replicas);
}

#[test]
fn case_127_who_lost_reads_again() {
    let (mut world, mut replicas) = running();
    world.now += hours(365 * 16);
    for replica in &mut replicas {
        replica.look(&world);
    }
    for replica in &mut replicas {
        while replica.act(&mut world) {}
    }
    assert_eq!(world.authorities.len(), 2, "one next authority, not three");
    assert!(world.conflicts >= 2);
    round(&mut world, &mut replicas);
    all_good(&world, &replicas);
}

#[test]
fn case_128_a_bundle_that_cannot_be_read_or_written_is_not_ready() {
    let (mut world, mut replicas) = running();
    let one = &mut replicas[0];
    let stored = Stored::Found(Box::new(world.ring()));
    assert_eq!(one.life.decide(&stored, &Published::Unknown, world.now).ready, Err(NotReady::Unknown));
    world.put_bundles(Some(vec![String::new(); 3]));
    one.look(&world);
    assert_eq!(one.ready, Err(NotReady::Unpublished));
    one.settle(&mut world);
    assert_eq!(one.ready, Ok(()));
}

#[test]
fn case_130_a_suspended_replica_wakes_long_after() {
    let (mut world, mut replicas) = running();
    world.now += hours(72);
    replicas[0].look(&world);
    assert_eq!(replicas[0].ready, Err(NotReady::Invalid));
    round(&mut world, &mut replicas);
    all_good(&world, &replicas);
    // Long enough for every authority to have expired: nothing could have been served meanwhile.
    world.now += hours(365 * 24 * 3);
    round(&mut world, &mut replicas);
    world.forget_history();
    all_good(&world, &replicas);
}

#[test]
fn one_place_of_three_is_not_published() {
    let (mut world, mut replicas) = running();
    let text = world.bundles.clone().unwrap().1.remove(0);
    world.put_bundles(Some(vec![text.clone(), text, "something else".to_owned()]));
    replicas[2].look(&world);
    assert_eq!(replicas[2].ready, Err(NotReady::Unpublished));
    round(&mut world, &mut replicas);
    world.forget_history();
    all_good(&world, &replicas);
}

#[test]
fn no_configuration_no_clients() {
    let (mut world, mut replicas) = three();
    world.put_bundles(None);
    round(&mut world, &mut replicas);
    assert!(replicas.iter().all(|one| one.ready == Ok(()) && one.life.leaf().is_some()));
    world.put_bundles(Some(vec![String::new()]));
    round(&mut world, &mut replicas);
    world.forget_history();
    all_good(&world, &replicas);
}

#[test]
fn leaves_never_outlive_their_authority() {
    let now = World::new().now;
    let authority = Authority::mint(now, hours(2)).unwrap();
    let leaf = authority.sign(&[NAME.to_owned()], now, hours(24)).unwrap();
    assert_eq!(leaf.certificate().not_after(), authority.certificate().not_after());
}

#[test]
fn a_ring_survives_its_stored_form() {
    let (mut world, mut replicas) = running();
    world.now += hours(365 * 16);
    round(&mut world, &mut replicas);
    world.put_secret(None);
    round(&mut world, &mut replicas);
    let ring = world.ring();
    assert_eq!(Keyring::parse(&ring.to_data()), ring);
    let quiet = Lifecycle::new(Policy::default(), Vec::new());
    let same = quiet.apply(&Change::Mend, &Stored::Found(Box::new(ring.clone())), world.now).unwrap();
    assert_eq!(same, ring);
}
