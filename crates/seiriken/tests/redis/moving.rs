//! Keys of a cluster move from one server to another, one after the other, while they are used.

use private_servers::redis::{RedisCluster, RedisServer, RedisSettings};
use seiriken::store::Store;
use seiriken::store::redis::RedisStore;

use crate::asking::{answer, ask, assert_replayed, completed, granted, id, key};

fn cli(server: &RedisServer, command: &[&str]) -> String {
    server.cli(command).expect("the server does it")
}

#[tokio::test]
async fn keys_are_followed_while_their_slot_moves() {
    let mut cluster = RedisCluster::start(&RedisSettings::new()).expect("a cluster");
    let store = RedisStore::connect(&cluster.url()).await.expect("the store is opened");
    let from = cluster.master_of(&key(1)).expect("it has a master");
    let slot = cli(from, &["CLUSTER", "KEYSLOT", &key(1)]);
    // Three more keys of the same slot, of 16384.
    let find = "local found = {} \
        for number = 2, 1000000 do \
            local key = string.format('seiriken:%032x', number) \
            if redis.call('CLUSTER', 'KEYSLOT', key) == tonumber(ARGV[1]) then \
                found[#found + 1] = number \
                if #found == 3 then return found end \
            end \
        end";
    let others = cli(from, &["EVAL", find, "0", &slot]);
    let others: Vec<u128> = others.lines().flat_map(str::parse).collect();
    let [stays, moves, new] = others[..] else { panic!("three keys: {others:?}") };
    for number in [1, stays] {
        completed(&store, number, ask(&store)).await;
    }
    let running = granted(&store, moves, ask(&store)).await;

    let from_id = cli(from, &["CLUSTER", "MYID"]);
    let from_port = from.port();
    let to = cluster.master_without(&key(1)).expect("another one");
    let (to_id, to_port) = (cli(to, &["CLUSTER", "MYID"]), to.port().to_string());
    cli(to, &["CLUSTER", "SETSLOT", &slot, "IMPORTING", &from_id]);
    let from = cluster.servers().iter().find(|server| server.port() == from_port);
    let from = from.expect("it is still there");
    cli(from, &["CLUSTER", "SETSLOT", &slot, "MIGRATING", &to_id]);
    let migrate =
        |number| cli(from, &["MIGRATE", "127.0.0.1", &to_port, &key(number), "0", "5000"]);
    assert_eq!(migrate(moves), "OK");

    // One that has not moved, one that has, and one that is made where the slot goes.
    assert_replayed(&store, stays, ask(&store)).await;
    store.complete(id(moves), running, answer()).await.expect("it is recorded");
    assert_replayed(&store, moves, ask(&store)).await;
    let token = granted(&store, new, ask(&store)).await;
    store.complete(id(new), token, answer()).await.expect("it is recorded");

    for number in [1, stays] {
        assert_eq!(migrate(number), "OK");
    }
    // First whose it is now, then whose it was; the others hear it from them.
    for port in [to_port.parse().expect("a port"), from_port] {
        let server = cluster.servers().iter().find(|server| server.port() == port);
        let server = server.expect("it is still there");
        assert_eq!(cli(server, &["CLUSTER", "SETSLOT", &slot, "NODE", &to_id]), "OK");
    }
    for number in [1, stays, moves, new] {
        assert_replayed(&store, number, ask(&store)).await;
    }
}
