//! Each broken server is convicted of what is wrong with it, and of nothing else.

use crate::faults::Fault;
use crate::program::{CAKE, Said, check};
use crate::server::Server;

/// All options that every server is checked with. What takes longer is asked for by the test.
async fn checked(server: &Server, more: &[&str]) -> Said {
    let url = |path: &str| format!("{}{path}", server.url);
    let (orders, other, count) = (url("/orders/1"), url("/orders/2"), url("/count"));
    let credentials = ["--credential", "Authorization: Bearer a", "Authorization: Bearer b"];
    let mut options = vec![&*orders, "--body", CAKE, "--json", "--patience", "2s"];
    options.extend(["--other", &other, "--count", &count, "/effects"]);
    options.extend(credentials);
    options.extend(more);
    check(&options).await
}

async fn is_convicted_of(fault: Fault, id: &str, reason: &str, more: &[&str]) {
    let server = Server::start(fault).await;
    let said = checked(&server, more).await;
    assert_eq!(said.with_verdict("fail"), [id], "{fault:?}: {}{}", said.out, said.err);
    let (_, detail) = &said.verdicts()[id];
    assert!(detail.contains(reason), "{fault:?}: {detail}");
    assert_eq!(said.status, 1, "{fault:?}");
}

#[tokio::test]
async fn a_server_that_honours_its_keys_passes_everything() {
    let server = Server::start(Fault::None).await;
    let alive = server.shop.alive.display().to_string();
    let restart = format!("test -e '{alive}'");
    let said = checked(&server, &["--retention", "4s", "--restart-command", &restart]).await;
    assert_eq!(said.with_verdict("pass").len(), 16, "{}{}", said.out, said.err);
    assert_eq!(said.status, 0);
}

/// By the answers alone, what runs twice is found as well.
#[tokio::test]
async fn a_count_is_not_needed() {
    let without_count = |server: &Server| format!("{}/orders/1", server.url);
    let server = Server::start(Fault::None).await;
    let said = check(&[&without_count(&server), "--body", CAKE, "--json"]).await;
    assert_eq!(said.with_verdict("fail"), [""; 0], "{}", said.out);
    assert_eq!((said.with_verdict("skip").len(), said.status), (2, 0), "{}", said.out);
    for (fault, id) in [
        (Fault::IgnoresKeys, "replay"),
        (Fault::RunsAnotherBody, "reuse"),
        (Fault::ReadsThenWrites, "concurrent"),
        (Fault::LeaksAcrossCredentials, "credential-leak"),
        (Fault::TwoSpellingsTwoKeys, "key-spelling"),
    ] {
        let server = Server::start(fault).await;
        let said = check(&[&without_count(&server), "--body", CAKE, "--json"]).await;
        assert_eq!(said.with_verdict("fail"), [id], "{fault:?}: {}", said.out);
    }
}

/// A body that is refused under any key says nothing about keys that were used.
#[tokio::test]
async fn what_is_never_taken_proves_nothing() {
    let server = Server::start(Fault::None).await;
    let said = checked(&server, &["--vary", "[]"]).await;
    // The other address is taken, and refused under a key that was used.
    assert_eq!(said.with_verdict("fail"), [""; 0], "{}", said.out);
    let (verdict, detail) = &said.verdicts()["reuse"];
    assert_eq!(verdict, "pass", "{}", said.out);
    let skipped = "another body is answered 400 Bad Request under a key of its own";
    assert!(detail.contains(skipped), "{detail}");
}

macro_rules! convicted {
    ($($name:ident: $fault:ident of $id:literal because $reason:literal $(with $($more:literal)+)?;)+) => {$(
        #[tokio::test]
        async fn $name() {
            is_convicted_of(Fault::$fault, $id, $reason, &[$($($more),+)?]).await;
        }
    )+};
}

convicted! {
    it_ignores_keys: IgnoresKeys of "replay" because "the first retry ran again";
    it_replays_once: ReplaysOnce of "replay" because "the second retry ran again";
    it_answers_before_storing: AnswersBeforeStoring of "replay" because "the first retry ran again";
    it_answers_another_body: AnswersAnotherBody of "reuse" because "another body gets the first";
    it_runs_another_body: RunsAnotherBody of "reuse" because "another body ran";
    it_tells_the_other_answer: TellsTheOtherAnswer of "reuse" because "gives away /orderId";
    it_keys_by_route_pattern: KeysByRoutePattern of "reuse" because "another address gets the first";
    it_reads_then_writes: ReadsThenWrites of "concurrent" because "ran 2 times";
    it_is_overrun_by_a_storm: OverrunByAStorm of "storm" because "50 requests at the same moment: it ran";
    it_leaks_across_credentials: LeaksAcrossCredentials of "credential-leak" because "another caller";
    it_runs_again_after_a_disconnect:
        RunsAgainAfterDisconnect of "disconnect" because "it ran 2 times";
    it_is_wedged_after_a_disconnect:
        WedgedAfterDisconnect of "disconnect" because "still answered 409";
    its_replay_has_a_new_date: NewDateOnReplay of "fidelity" because "createdAt";
    its_replay_is_200_for_201: OkForCreated of "fidelity" because "201 Created became 200 OK";
    its_replay_loses_repeated_fields: LosesRepeatedFields of "fidelity" because "2 lines of field link";
    its_replay_loses_a_field: LosesAField of "fidelity" because "field location is missing";
    its_replay_is_written_anew: WritesJsonAnew of "fidelity" because "the same JSON in other bytes";
    it_treats_a_bad_key_as_none: TreatsABadKeyAsNone of "key-invalid" because "taken as no key";
    it_fails_on_a_key_that_is_not_ascii: FailsOnNonAscii of "key-invalid" because "non-ASCII: the";
    it_takes_two_spellings_for_two_keys: TwoSpellingsTwoKeys of "key-spelling" because "two keys";
    it_burns_a_key_with_a_refusal: BurnsTheKey of "validation-free" because "the key is burnt";
    its_problem_says_another_status:
        ProblemSaysAnotherStatus of "problem-details" because "another status";
    it_marks_the_first_answer: MarksTheFirstAnswer of "replay-marker" because "first answer is marked";
    its_policy_is_gone: PolicyIsGone of "policy-published" because "404";
    it_forgets_early: ForgetsEarly of "expiry" because "forgotten" with "--retention" "4s";
    it_fails_without_a_key: FailsWithoutAKey of "key-missing" because "answered 500";
    it_runs_what_it_refuses: RunsWhatItRefuses of "key-missing" because "and it ran";
}

#[tokio::test]
async fn it_forgets_on_restart() {
    let server = Server::start(Fault::ForgetsOnRestart).await;
    let restart = format!("rm '{}'", server.shop.alive.display());
    let said = checked(&server, &["--restart-command", &restart]).await;
    assert_eq!(said.with_verdict("fail"), ["restart"], "{}", said.out);
}
