//! The journal: durable before the first byte, resumed with the same key, whole after any crash.

use std::fs;
use std::path::{Path, PathBuf};

use seiriken_client::{Client, Journal, JournalError, Key, Outcome};
use tempfile::TempDir;

use crate::script::{Act, Server, answer};
use crate::{builder, created, definite, order};

fn path_in(folder: &TempDir) -> PathBuf {
    folder.path().join("pending.journal")
}

fn client(path: &Path) -> Client {
    builder()
        .journal(Journal::open(path).expect("it opens"))
        .build()
        .expect("as the test sets it up")
}

/// Leaves intents behind as a client does that is gone between sending and the answer.
async fn leave(path: &Path, count: usize) -> Vec<String> {
    let server = Server::start(vec![Act::Hang; count]).await;
    let client = client(path);
    let mut keys = Vec::new();
    for number in 0..count {
        let body = format!("order {number}");
        let mut intent = client.intent(order(&server).body(body)).expect("as the test sets it up");
        tokio::select! {
            result = client.send(&mut intent) => panic!("{result:?}"),
            () = server.has_received(number + 1) => keys.push(intent.key().as_str().to_owned()),
        }
    }
    keys
}

fn keys(client: &Client) -> Vec<String> {
    client.unsettled().iter().map(|intent| intent.key().as_str().to_owned()).collect()
}

#[tokio::test]
async fn an_intent_is_in_the_file_before_it_is_sent_and_gone_after_its_answer() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start([Act::Hang, created("")]).await;
    let path = path_in(&folder);
    let client = client(&path);
    let mut intent = client.intent(order(&server)).unwrap();
    tokio::select! {
        result = client.send(&mut intent) => panic!("{result:?}"),
        () = server.has_received(1) => {}
    }
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(intent.key().as_str()), "{text}");
    definite(client.send(&mut intent).await);
    assert_eq!(keys(&client), [""; 0]);
    drop(client);
    drop(Journal::open(&path).unwrap());
    assert_eq!(fs::read_to_string(&path).unwrap(), "", "compacted");
}

#[tokio::test]
async fn what_was_left_is_resumed_with_the_same_key_and_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start([Act::Hang, Act::Lose, created("here")]).await;
    let path = path_in(&folder);
    let first = client(&path);
    let request = order(&server).header("Authorization", "Bearer b\"1").unwrap();
    let mut intent = first.intent(request.body(vec![0, 159, 146, 150])).unwrap();
    tokio::select! {
        result = first.send(&mut intent) => panic!("{result:?}"),
        () = server.has_received(1) => {}
    }
    drop(first);

    let second = client(&path);
    let mut left = second.unsettled();
    assert_eq!(left.len(), 1);
    assert!(left[0].may_have_run());
    assert_eq!(definite(second.send(&mut left[0]).await).body, "here");
    let received = server.received();
    assert_eq!(received.len(), 3);
    assert!(received.iter().all(|request| *request == received[0]), "{received:?}");
    assert_eq!(keys(&second), [""; 0]);
}

/// An earlier process may have sent it, so a refusal proves nothing.
#[tokio::test]
async fn a_resumed_intent_that_is_refused_is_unknown_and_stays() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    let server = Server::start([Act::Hang, Act::Say(answer(403, &[], ""))]).await;
    let first = client(&path);
    let mut intent = first.intent(order(&server)).unwrap();
    tokio::select! {
        result = first.send(&mut intent) => panic!("{result:?}"),
        () = server.has_received(1) => {}
    }
    drop(first);
    let second = client(&path);
    let result = second.send(&mut second.unsettled()[0]).await;
    assert!(matches!(result, Ok(Outcome::Unknown(_))), "{result:?}");
    assert_eq!(keys(&second), [intent.key().as_str()]);
    // Until somebody gives it up.
    drop(second);
    let journal = Journal::open(&path).unwrap();
    journal.forget(&Key::new(intent.key().as_str()).unwrap()).await.unwrap();
    assert!(journal.unsettled().is_empty());
}

#[tokio::test]
async fn a_line_that_was_not_written_whole_is_dropped() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    let left = leave(&path, 3).await;
    let whole = fs::read(&path).unwrap();
    let second_end = whole.iter().enumerate().filter(|(_, byte)| **byte == b'\n').nth(1).unwrap().0;
    // The last line at every length, also with the end of it there and something else in it.
    for length in second_end + 1..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(keys(&client(&path)), left[..2], "cut to {length}");
    }
    let mut spoilt = whole.clone();
    spoilt[second_end + 20] ^= 1;
    fs::write(&path, &spoilt).unwrap();
    assert_eq!(keys(&client(&path)), left[..2]);
    // And what is written next is not glued to it.
    fs::write(&path, &whole[..whole.len() - 5]).unwrap();
    let server = Server::start([Act::Hang]).await;
    let again = client(&path);
    let mut intent = again.intent(order(&server)).unwrap();
    tokio::select! {
        result = again.send(&mut intent) => panic!("{result:?}"),
        () = server.has_received(1) => {}
    }
    drop(again);
    assert_eq!(keys(&client(&path)), [&left[0], &left[1], intent.key().as_str()]);
}

#[tokio::test]
async fn a_line_before_the_end_that_cannot_be_read_is_never_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    leave(&path, 2).await;
    let mut spoilt = fs::read(&path).unwrap();
    spoilt[20] ^= 1;
    fs::write(&path, &spoilt).unwrap();
    let refused = Journal::open(&path);
    assert!(matches!(refused, Err(JournalError::Corrupt { line: 1, .. })), "{refused:?}");
    assert_eq!(fs::read(&path).unwrap(), spoilt, "it is left as it is");
}

#[tokio::test]
async fn a_second_one_at_the_same_time_is_told_so_by_any_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    let first = Journal::open(&path).unwrap();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    for name in [&path, &link, &folder.path().join(".").join("pending.journal")] {
        let second = Journal::open(name);
        assert!(matches!(second, Err(JournalError::InUse { .. })), "{second:?}");
    }
    drop(first);
    assert!(Journal::open(&link).is_ok());
}

#[tokio::test]
async fn settled_lines_do_not_pile_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    let server = Server::start([]).await;
    let client = builder()
        .journal(Journal::open(&path).unwrap())
        .deadline(std::time::Duration::from_secs(5))
        .build()
        .unwrap();
    let mut longest = 0;
    for _ in 0..600 {
        // The script is over: each is refused, which is definite.
        let mut intent = client.intent(order(&server)).unwrap();
        definite(client.send(&mut intent).await);
        longest = longest.max(fs::metadata(&path).unwrap().len());
    }
    let now = fs::metadata(&path).unwrap().len();
    assert!(now < longest / 2, "{now} of {longest} bytes");
}

#[cfg(unix)]
#[tokio::test]
async fn its_owner_alone_can_read_it() {
    use std::os::unix::fs::PermissionsExt;

    let folder = tempfile::tempdir().unwrap();
    let path = path_in(&folder);
    leave(&path, 2).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    let cut = fs::read(&path).unwrap();
    fs::write(&path, &cut[..cut.len() - 1]).unwrap();
    drop(Journal::open(&path).unwrap());
    assert_eq!(mode(&path), 0o600, "also after it was written anew");
}
