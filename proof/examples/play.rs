use seiriken_proof::histories::{catch_panics, draw, play};
fn main() {
    let args: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    catch_panics();
    if args.len() == 1 {
        let plan = draw(args[0]);
        println!("{plan:#?}");
        let played = play(&plan, true).unwrap();
        for line in &played.trace {
            println!("{line}");
        }
        println!("{:?}", played.breaches);
        return;
    }
    let start = std::time::Instant::now();
    let mut marks: Vec<u64> = vec![0; 40];
    let mut kinds = std::collections::BTreeMap::<String, (u64, u64)>::new();
    for seed in args[0]..args[1] {
        let plan = draw(seed);
        let played = play(&plan, false).unwrap();
        for (m, n) in marks.iter_mut().zip(played.marks) {
            *m += n;
        }
        if let Some(b) = played.breaches.first() {
            let e = kinds.entry(b.chars().take(150).collect()).or_insert((0, seed));
            e.0 += 1;
        }
        if seed % 50 == 0 {
            let again = play(&plan, false).unwrap();
            assert_eq!(again.hash, played.hash, "seed {seed}");
        }
    }
    println!("{:?} {marks:?}", start.elapsed());
    for (k, v) in kinds {
        println!("{v:?} {k}");
    }
}
