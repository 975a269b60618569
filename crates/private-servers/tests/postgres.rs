//! The servers start, end as they are told, and start again.

use std::net::TcpStream;

use private_servers::{PrivatePgBouncer, PrivatePostgres};

#[test]
fn postgres_is_killed_stopped_and_started_again() {
    let server = PrivatePostgres::start(&["fsync = off"]).expect("it starts");
    let reached = || TcpStream::connect(("127.0.0.1", server.port())).is_ok();
    assert!(reached());
    server.kill().expect("it is killed");
    assert!(!reached());
    server.restart().expect("it starts again");
    assert!(reached() && server.log().contains("was not properly shut down"));
    server.stop().expect("it stops");
    assert!(!reached());
    server.restart().expect("it starts again");
    let (port, folder) = (server.port(), server.folder().to_owned());
    drop(server);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err() && !folder.exists());
}

#[test]
fn a_setting_that_does_not_exist_is_told_with_the_log() {
    let refused = PrivatePostgres::start(&["no_such_setting = on"]).expect_err("it is refused");
    assert!(refused.to_string().contains("no_such_setting"), "{refused}");
}

#[test]
fn a_standby_follows_and_ends_by_itself() {
    let server = PrivatePostgres::start(&["max_connections = 210"]).expect("it starts");
    let standby = server.standby().expect("it follows");
    assert_ne!(standby.port(), server.port());
    assert!(standby.log().contains("entering standby mode"), "{}", standby.log());
    let port = standby.port();
    drop(standby);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    assert!(TcpStream::connect(("127.0.0.1", server.port())).is_ok());
}

#[test]
fn pgbouncer_stands_in_front() {
    let server = PrivatePostgres::start(&["fsync = off"]).expect("it starts");
    let bouncer = PrivatePgBouncer::start(&server, 3).expect("it starts");
    assert!(bouncer.url().starts_with("postgres://postgres@127.0.0.1:"));
}
