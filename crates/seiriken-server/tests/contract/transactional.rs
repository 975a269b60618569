//! Routes whose effect commits together with the key and the answer.

use crate::expected::{executed, failed_without_effect, replay};
use crate::host::Setting;
use crate::request::{Request, post};
use crate::row::{Row, check, row};

const RECORDED: &str = "docs/http.md, What is recorded";

fn keyed(target: &str) -> Request {
    post(target).key("k")
}

fn transactional(requirement: &str) -> Row {
    row(requirement, RECORDED).with(Setting::Transactional)
}

#[tokio::test]
async fn what_commits_is_the_answer_and_what_does_not_leaves_nothing() {
    check(vec![
        transactional("a committed answer")
            .ask(keyed("/commit/201"), executed(201).body("committed"))
            .ask(keyed("/commit/201"), replay())
            .runs(1),
        transactional("a refusal that is committed")
            .ask(keyed("/commit/402"), executed(402))
            .ask(keyed("/commit/402"), replay())
            .runs(1),
        transactional("a committed answer, whatever the handler does next")
            .ask(keyed("/commit-then-panic"), executed(201).body("committed"))
            .ask(keyed("/commit-then-panic"), replay())
            .runs(1),
        transactional("a 5xx from the transaction rolls it back")
            .ask(keyed("/commit/500"), executed(500).body("committed"))
            .ask(keyed("/commit/201"), executed(201))
            .runs(2),
        transactional("a 5xx without a commit")
            .ask(keyed("/status/500"), executed(500))
            .ask(keyed("/status/503"), executed(503))
            .ask(keyed("/status/504"), executed(504))
            .ask(keyed("/commit/201"), executed(201))
            .runs(4),
        transactional("a refusal without a commit is recorded")
            .ask(keyed("/status/402"), executed(402))
            .ask(keyed("/status/402"), replay())
            .runs(1),
        transactional("a success without a commit is an error")
            .ask(keyed("/status/201"), failed_without_effect())
            .ask(keyed("/commit/201"), executed(201))
            .runs(2),
        transactional("a panic")
            .ask(keyed("/panic"), failed_without_effect())
            .ask(keyed("/commit/201"), executed(201))
            .runs(2),
    ])
    .await;
}
