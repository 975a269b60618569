//! The servers do what tests believe of them.

use private_servers::redis::{
    Persistence, RedisCluster, RedisSentinels, RedisServer, RedisSettings,
};

#[test]
fn what_is_on_the_disk_survives_a_kill() {
    let mut server = RedisServer::start(RedisSettings::new()).expect("it starts");
    server.cli(&["SET", "a", "1"]).expect("it is asked");
    server.restart().expect("it starts again");
    assert_eq!(server.cli(&["GET", "a"]).expect("it is asked"), "1");
    server.restart_empty().expect("it starts again");
    assert_eq!(server.cli(&["GET", "a"]).expect("it is asked"), "");
}

#[test]
fn nothing_survives_where_nothing_is_written() {
    let settings = RedisSettings::new().persistence(Persistence::Nothing);
    let mut server = RedisServer::start(settings).expect("it starts");
    server.cli(&["SET", "a", "1"]).expect("it is asked");
    server.stop();
    server.restart().expect("it starts again");
    assert_eq!(server.cli(&["GET", "a"]).expect("it is asked"), "");
}

#[test]
fn a_cluster_replaces_a_master_that_was_killed() {
    let mut cluster = RedisCluster::start(&RedisSettings::new()).expect("it starts");
    let before = cluster.master_of("a").expect("a master");
    let port = before.port();
    before.kill();
    // While nobody has noticed, the dead one still counts as the master.
    let mut after = port;
    while after == port {
        cluster.wait_until_served().expect("every slot is served");
        after = cluster.master_of("a").map_or(port, |server| server.port());
    }
}

#[test]
fn sentinels_make_the_replica_the_master() {
    let mut group = RedisSentinels::start(&RedisSettings::new()).expect("it starts");
    group.servers()[0].kill();
    group.wait_until_master(1).expect("it is made the master");
}
