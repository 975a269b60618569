//! What is aimed for, and how far it was reached. A row says what was measured; nothing fails by it.

use std::fmt;

use crate::table::Table;

/// One goal of the project, or a part of one.
#[derive(Debug, Clone)]
pub(crate) struct Goal {
    /// Of the list of goals.
    pub(crate) number: u8,
    pub(crate) what: String,
    /// What a change that claims the goal must reach.
    pub(crate) land: Option<Bound>,
    /// Where we are going.
    pub(crate) aim: Option<Bound>,
    pub(crate) measured: f64,
    pub(crate) unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Times,
    Millis,
    Bytes,
    Count,
}

impl Goal {
    /// A factor.
    pub(crate) fn times(number: u8, what: impl Into<String>, measured: f64) -> Self {
        let what = what.into();
        Self { number, what, land: None, aim: None, measured, unit: Unit::Times }
    }

    pub(crate) fn at_most(mut self, land: f64, goal: f64) -> Self {
        (self.land, self.aim) = (Some(Bound::AtMost(land)), Some(Bound::AtMost(goal)));
        self
    }

    pub(crate) fn at_least(mut self, land: f64, goal: f64) -> Self {
        (self.land, self.aim) = (Some(Bound::AtLeast(land)), Some(Bound::AtLeast(goal)));
        self
    }

    /// Something that is aimed for, and that no change has to reach.
    pub(crate) fn aiming(mut self, aim: Bound) -> Self {
        self.aim = Some(aim);
        self
    }

    /// Something that every change has to reach, and nothing beyond.
    pub(crate) fn landing(mut self, land: Bound) -> Self {
        self.land = Some(land);
        self
    }

    pub(crate) fn in_unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    pub(crate) fn verdict(&self) -> &'static str {
        let met = |bound: Option<Bound>| bound.map(|bound| bound.allows(self.measured));
        match (met(self.land), met(self.aim)) {
            _ if self.measured.is_nan() => "not measured",
            (Some(false), _) => "missed",
            (_, Some(true)) => "goal",
            (Some(true), _) => "land",
            (None, _) => "short of the goal",
        }
    }

    fn row(&self) -> [String; 5] {
        let bound = |bound: Option<Bound>| match bound {
            None => "–".to_owned(),
            Some(Bound::AtMost(most)) => format!("≤ {}", self.unit.shown(most)),
            Some(Bound::AtLeast(least)) => format!("≥ {}", self.unit.shown(least)),
        };
        let measured = match self.measured {
            missing if missing.is_nan() => "–".to_owned(),
            measured => self.unit.shown(measured),
        };
        [
            format!("{}. {}", self.number, self.what),
            bound(self.land),
            bound(self.aim),
            measured,
            self.verdict().to_owned(),
        ]
    }
}

impl Bound {
    fn allows(self, measured: f64) -> bool {
        match self {
            Self::AtMost(most) => measured <= most,
            Self::AtLeast(least) => measured >= least,
        }
    }
}

impl Unit {
    fn shown(self, value: f64) -> String {
        match self {
            Self::Times => format!("{value:.2} ×"),
            Self::Millis => format!("{value:.1} ms"),
            Self::Bytes => format!("{value:.0} B"),
            Self::Count => format!("{value:.1}"),
        }
    }
}

/// All of them, as documents show them.
pub(crate) fn table(goals: &[Goal]) -> impl fmt::Display {
    let mut table = Table::new(&["goal", "land", "goal", "measured", "verdict"]);
    for goal in goals {
        table.row(goal.row());
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_says_how_far_it_was_reached() {
        for (measured, verdict) in [
            (1.0, "goal"),
            (1.15, "goal"),
            (1.2, "land"),
            (1.3, "missed"),
            (f64::NAN, "not measured"),
        ] {
            let goal = Goal::times(1, "CPU", measured).at_most(1.25, 1.15);
            assert_eq!(goal.verdict(), verdict, "{measured}");
        }
        for (measured, verdict) in [(0.7, "goal"), (0.5, "land"), (0.49, "missed")] {
            let goal = Goal::times(4, "requests", measured).at_least(0.5, 0.65);
            assert_eq!(goal.verdict(), verdict, "{measured}");
        }
        let aiming = |measured| Goal::times(4, "p50", measured).aiming(Bound::AtMost(1.5));
        assert_eq!((aiming(1.4).verdict(), aiming(1.6).verdict()), ("goal", "short of the goal"));
        let landing = |measured| Goal::times(6, "clean", measured).landing(Bound::AtMost(150.0));
        assert_eq!((landing(100.0).verdict(), landing(160.0).verdict()), ("land", "missed"));
    }

    #[test]
    fn a_row_has_the_units_of_its_goal() {
        let goal = Goal::times(6, "opening", 88.04).in_unit(Unit::Millis).at_most(600.0, 150.0);
        let table = table(&[goal, Goal::times(3, "a peer", f64::NAN)]).to_string();
        let rows: Vec<&str> = table.lines().skip(2).collect();
        assert!(rows[0].contains("≤ 600.0 ms | ≤ 150.0 ms |  88.0 ms |"), "{}", rows[0]);
        assert!(rows[0].ends_with("goal |"), "{}", rows[0]);
        assert!(rows[1].contains("not measured"), "{}", rows[1]);
    }
}
