//! Shares: so many per cent, by chance or by client, in the kernel and in an interpreter of our own that has more
//! addresses than this machine.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    os::fd::AsFd,
};

use super::{
    super::{draw, program::Program, share::Split},
    *,
};

fn shares(weights: &[(usize, u32)], by: By) -> Steering {
    let weights: Vec<(LaneId, u32)> = weights.iter().map(|(number, weight)| (LaneId(*number), *weight)).collect();
    Steering::shared(&weights, by)
}

/// Lane 1 has so many per cent, and lane 0 the rest.
fn per_cent(share: u32, by: By) -> Steering {
    shares(&[(1, share), (0, 100 - share)], by)
}

fn sticky(salt: u32) -> By {
    By::Source { salt }
}

/// How many of so many one-shot connections come to each seat.
fn one_shots(lanes: &Lanes, count: usize) -> BTreeMap<Seat, usize> {
    const AT_ONCE: usize = 500;
    let mut found = BTreeMap::new();
    for _ in 0..count / AT_ONCE {
        for (seat, arrived) in arrivals(lanes, AT_ONCE) {
            *found.entry(seat).or_default() += arrived;
        }
    }
    found
}

#[test]
fn of_ten_thousand_one_shot_connections_five_per_cent_reach_the_newcomer() {
    for at in [tcp("127.0.0.1:0"), dual("[::]:0")] {
        let mut lanes = Lanes::open(&at, &with_lanes(4)).unwrap();
        lanes.steer(per_cent(5, By::Chance)).unwrap();
        let found = one_shots(&lanes, 10_000);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [lane(0), lane(1)]);
        assert!((400..=600).contains(&found[&lane(1)]), "{found:?}");
    }
}

#[test]
fn shares_are_as_their_weights_for_any_number_of_lanes() {
    let mut lanes = kernel_lanes();
    lanes.steer(shares(&[(3, 1), (1, 2), (2, 1), (0, 6)], By::Chance)).unwrap();
    let found = one_shots(&lanes, 10_000);
    for (number, expected) in [(3, 1000), (1, 2000), (2, 1000), (0, 6000)] {
        assert!(found[&lane(number)].abs_diff(expected) < 300, "{found:?}");
    }
}

#[test]
fn a_share_of_nothing_and_one_of_everything_are_exact() {
    let mut lanes = kernel_lanes();
    for by in [By::Chance, sticky(3)] {
        for (share, number) in [(0, 0), (100, 1)] {
            lanes.steer(per_cent(share, by)).unwrap();
            assert_eq!(lanes.steering(), to(number));
            assert_eq!(arrivals(&lanes, 200), all(lane(number), 200));
        }
        assert_eq!(shares(&[], by), Steering::Hold);
    }
}

/// In which lane each of these clients arrives.
fn sides(lanes: &Lanes, clients: &[IpAddr], target: SocketAddr) -> BTreeMap<IpAddr, Seat> {
    let mut found = BTreeMap::new();
    for clients in clients.chunks(200) {
        let reached = |client: &IpAddr| connect_from(SocketAddr::new(*client, 0), target).unwrap();
        let _kept: Vec<TcpStream> = clients.iter().map(reached).collect();
        let begun = Instant::now();
        let before = found.len();
        while found.len() < before + clients.len() {
            assert!(begun.elapsed() < LIMIT, "only {} arrived", found.len());
            for (seat, _) in lanes.members() {
                while let Some(accepted) = lanes.accept(seat).unwrap() {
                    let Origin::Tcp(from) = Origin::of(accepted.as_fd()).unwrap() else { panic!("it is TCP") };
                    found.insert(from.ip(), seat);
                }
            }
        }
    }
    found
}

/// Addresses of this machine, as there are many in 127/8.
fn many_clients() -> Vec<IpAddr> {
    let address = |number: u32| IpAddr::from(Ipv4Addr::from_bits(0x7f00_0001 + number * 131));
    (0..1000).map(address).collect()
}

#[test]
fn a_sticky_client_never_changes_sides_while_the_share_stays_and_only_once_while_it_grows() {
    let clients = many_clients();
    for at in [tcp("127.0.0.1:0"), dual("[::]:0")] {
        let mut lanes = Lanes::open(&at, &with_lanes(4)).unwrap();
        let target = SocketAddr::new("127.0.0.1".parse().unwrap(), address(&lanes).port());
        let mut newcomers = BTreeSet::new();
        for share in [5, 25, 50, 100] {
            lanes.steer(per_cent(share, sticky(7))).unwrap();
            let first = sides(&lanes, &clients, target);
            lanes.steer(lanes.steering()).unwrap();
            assert_eq!(sides(&lanes, &clients, target), first, "the same share, steered anew");
            let now: BTreeSet<IpAddr> =
                first.iter().filter(|(_, seat)| **seat == lane(1)).map(|(client, _)| *client).collect();
            assert!(newcomers.is_subset(&now), "at {share} per cent somebody went back");
            let expected = share as usize * clients.len() / 100;
            assert!(now.len().abs_diff(expected) < 50, "{} of 1000 at {share} per cent", now.len());
            newcomers = now;
        }
    }
}

#[test]
fn another_rollout_begins_with_other_clients() {
    let clients = many_clients();
    let mut lanes = kernel_lanes();
    let target = address(&lanes);
    let mut first = |salt| {
        lanes.steer(per_cent(5, sticky(salt))).unwrap();
        let sides = sides(&lanes, &clients, target);
        sides.into_iter().filter(|(_, seat)| *seat == lane(1)).map(|(client, _)| client).collect::<BTreeSet<_>>()
    };
    let (one, other) = (first(1), first(2));
    assert!(one.intersection(&other).count() < 20, "{} and {} clients", one.len(), other.len());
}

#[test]
fn a_lane_of_a_split_that_is_shut_is_waited_for_at_the_helm_and_has_its_share_again() {
    for number in [0, 1] {
        let mut lanes = kernel_lanes();
        lanes.steer(per_cent(50, By::Chance)).unwrap();
        shut(lanes.handle(LaneId(number)));
        let found = arrivals(&lanes, 200);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [lane(1 - number), Seat::Helm]);
        assert!(lanes.steer(per_cent(60, By::Chance)).is_err(), "a shut lane cannot be steered to");
        assert_eq!(lanes.steering(), per_cent(50, By::Chance));
        lanes.repair().unwrap();
        divides_among(&lanes, &[0, 1]);
    }
}

/// Of so many, each lane gets some and nobody else any.
fn divides_among(lanes: &Lanes, numbers: &[usize]) {
    let found = arrivals(lanes, 100);
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), numbers.iter().copied().map(lane).collect::<Vec<_>>());
}

#[test]
fn whatever_lanes_are_shut_in_the_middle_of_a_split_a_repair_makes_it_exact() {
    let orders: [&[usize]; 8] = [&[0, 1], &[1, 0], &[2, 3], &[3, 2], &[3, 0], &[0, 2, 1], &[1, 2, 3], &[0, 1, 2, 3]];
    for order in orders {
        for (small, large) in [(0, 1), (2, 3), (3, 0), (1, 2)] {
            let mut lanes = kernel_lanes();
            lanes.steer(shares(&[(small, 40), (large, 60)], By::Chance)).unwrap();
            order.iter().for_each(|number| shut(lanes.handle(LaneId(*number))));
            let repaired = lanes.repair().unwrap_or_else(|error| panic!("{order:?}, {small} and {large}: {error}"));
            let sacrificed =
                |number| repaired.contains(&Repaired { lane: LaneId(number), replaced: false, rebuilt: true });
            assert!(!sacrificed(large), "what has the larger share is never sacrificed: {order:?}");
            divides_among(&lanes, &[small.min(large), small.max(large)]);
            lanes.steer(to(small)).unwrap();
            assert_eq!(arrivals(&lanes, 20), all(lane(small), 20));
        }
    }
}

#[test]
fn one_more_lane_in_the_middle_of_a_split_moves_no_other() {
    let mut lanes = kernel_lanes();
    lanes.steer(per_cent(50, By::Chance)).unwrap();
    assert_eq!(lanes.open_one_more().unwrap(), LaneId(4));
    divides_among(&lanes, &[0, 1]);
    lanes.steer(shares(&[(4, 1), (0, 1)], By::Chance)).unwrap();
    divides_among(&lanes, &[0, 4]);
}

#[test]
fn our_own_connections_go_before_every_share() {
    for by in [By::Chance, sticky(1)] {
        for at in [tcp("127.0.0.1:0"), dual("[::]:0")] {
            let mut lanes = Lanes::open(&at, &with_lanes(4)).unwrap();
            lanes.steer(per_cent(50, by)).unwrap();
            let ours: Vec<Own> = (0..30).map(|_| lanes.connect(lane(3)).unwrap().unwrap()).collect();
            wait_for_queue(&lanes, lane(3), 30);
            let elsewhere = [lane(0), lane(1), lane(2), Seat::Helm];
            assert!(elsewhere.iter().all(|seat| lanes.queue(*seat).unwrap().waiting == 0), "{by:?}");
            ours.into_iter().for_each(|own| lanes.end(own).unwrap());
        }
    }
}

#[test]
fn a_path_leads_to_the_lane_with_the_largest_share_and_stays_when_there_is_none() {
    let directory = tempfile::tempdir().unwrap();
    let mut lanes = Lanes::open(&Endpoint::Unix(directory.path().join("app.sock")), &with_lanes(3)).unwrap();
    for (share, number) in [(5, 0), (50, 0), (51, 1), (50, 0), (100, 1)] {
        lanes.steer(per_cent(share, By::Chance)).unwrap();
        assert_eq!(arrivals(&lanes, 20), all(lane(number), 20), "{share} per cent");
    }
    lanes.steer(per_cent(60, By::Chance)).unwrap();
    shut(lanes.handle(LaneId(1)));
    lanes.repair().unwrap();
    assert_eq!(arrivals(&lanes, 20), all(lane(1), 20));
}

#[test]
fn a_shared_listener_takes_every_share_without_complaint() {
    let mut lanes = Lanes::open(&tcp("127.0.0.1:0"), &with_lanes(1)).unwrap();
    lanes.steer(per_cent(5, By::Chance)).unwrap();
    assert_eq!(arrivals(&lanes, 20), all(lane(0), 20));
}

/// The draw of a sticky program for a client, as the kernel would compute it.
fn drawn(client: IpAddr, salt: u32) -> u32 {
    let mut header = [0u8; 40];
    match client {
        IpAddr::V4(ip) => {
            header[0] = 0x45;
            header[12..16].copy_from_slice(&ip.octets());
        }
        IpAddr::V6(ip) => {
            header[0] = 0x60;
            header[8..24].copy_from_slice(&ip.octets());
        }
    }
    run(&draw::by_source(salt), &header)
}

/// Runs to the end and gives A.
fn run(code: &[libc::sock_filter], header: &[u8]) -> u32 {
    let (mut a, mut x, mut at) = (0u32, 0u32, 0usize);
    while let Some(step) = code.get(at) {
        at += 1;
        let code = u32::from(step.code);
        let offset = step.k.wrapping_sub(libc::SKF_NET_OFF as u32) as usize;
        let operand = if code & libc::BPF_X != 0 { x } else { step.k };
        match code & 0x07 {
            libc::BPF_LD => {
                a = match code & 0x18 {
                    libc::BPF_W => u32::from_be_bytes(header[offset..offset + 4].try_into().unwrap()),
                    libc::BPF_B => header[offset].into(),
                    size => panic!("a load of size {size}"),
                }
            }
            libc::BPF_ALU => {
                a = match code & 0xf0 {
                    libc::BPF_XOR => a ^ operand,
                    libc::BPF_MUL => a.wrapping_mul(operand),
                    libc::BPF_RSH => a >> operand,
                    operation => panic!("operation {operation}"),
                }
            }
            libc::BPF_JMP if code & 0xf0 == libc::BPF_JA => at += step.k as usize,
            libc::BPF_JMP if code & 0xf0 == libc::BPF_JEQ => {
                at += usize::from(if a == operand { step.jt } else { step.jf });
            }
            libc::BPF_MISC => x = a,
            class => panic!("class {class}"),
        }
    }
    a
}

#[test]
fn the_kernel_draws_for_a_client_what_we_expect_over_either_family() {
    let Ok(mut lanes) = Lanes::open(&dual("[::]:0"), &with_lanes(4)) else { return };
    let port = address(&lanes).port();
    let mut clients: Vec<IpAddr> = vec!["127.0.0.1".parse().unwrap(), "127.77.3.9".parse().unwrap()];
    if address(&lanes).is_ipv6() && TcpListener::bind("[::1]:0").is_ok() {
        clients.push(Ipv6Addr::LOCALHOST.into());
    }
    for salt in 0..64 {
        lanes.steer(per_cent(50, sticky(salt))).unwrap();
        for client in &clients {
            let target = if client.is_ipv4() { "127.0.0.1" } else { "::1" };
            let found = sides(&lanes, &[*client], SocketAddr::new(target.parse().unwrap(), port));
            let expected = lane(usize::from(drawn(*client, salt) < 1 << 31));
            assert_eq!(found, BTreeMap::from([(*client, expected)]), "salt {salt}");
        }
    }
}

#[test]
fn clients_of_one_network_are_divided_as_evenly_as_clients_of_many() {
    let wide = |number: u32| IpAddr::from(Ipv4Addr::from_bits(number.wrapping_mul(0x9e37)));
    let narrow = |number: u32| IpAddr::from(Ipv4Addr::from_bits(0x0a00_0000 + number));
    let hosts = |number: u32| IpAddr::from(Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(number)));
    let networks = |number: u32| IpAddr::from(Ipv6Addr::from_bits(0x2001_0db8 << 96 | u128::from(number) << 64 | 1));
    let families: [&dyn Fn(u32) -> IpAddr; 4] = [&wide, &narrow, &hosts, &networks];
    for (kind, client) in families.iter().enumerate() {
        for salt in [0, 1, 2, 1000] {
            for share in [5u64, 25, 50] {
                let below = (share << 32) / 100;
                let count = (0..20_000).filter(|number| u64::from(drawn(client(*number), salt)) < below).count();
                let expected = share as usize * 200;
                assert!(count.abs_diff(expected) < 200, "{count} instead of {expected}: kind {kind}, salt {salt}");
            }
        }
    }
}

#[test]
fn every_jump_of_a_split_stays_within_the_program() {
    let split = Split::new([(LaneId(0), 1), (LaneId(1), 1)], sticky(0)).unwrap();
    let asked = Program::ask().from("[::1]:80".parse().unwrap(), 1).from("127.0.0.1:80".parse().unwrap(), 2);
    let program = asked.divide(split.by(), &[(3, 7)], 4);
    let code = program.code();
    for (place, step) in code.iter().enumerate().filter(|(_, step)| u32::from(step.code) & 0x07 == libc::BPF_JMP) {
        let furthest =
            usize::from(step.jt.max(step.jf)).max(if step.jt == 0 && step.jf == 0 { step.k as usize } else { 0 });
        assert!(place + 1 + furthest < code.len(), "instruction {place}");
    }
    assert_eq!(code.last().map(|step| step.k), Some(4));
}
