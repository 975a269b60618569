//! What may be answered, and which orders there may be, by what was answered before.

use std::collections::{BTreeMap, BTreeSet};

use crate::schedule::{Key, Request, What};
use crate::wire::{Order, Told};

/// What is known of the service. What was done is counted, which stands for the time.
#[derive(Debug, Default)]
pub(crate) struct Reference {
    now: u64,
    asked: Vec<Asked>,
    /// The orders that somebody was shown.
    orders: BTreeMap<Key, Order>,
    /// Whose order it is, and since when that is known.
    settled: BTreeMap<Key, (Request, u64)>,
    /// The keys whose first answer, which is no replay, was heard.
    heard: BTreeSet<Key>,
}

/// A request that was sent whole: from `since` to `until` it may be running.
#[derive(Debug, Clone, Copy)]
struct Asked {
    request: Request,
    since: u64,
    until: Option<u64>,
    may_have_ordered: bool,
}

impl Reference {
    /// A request is about to be sent; answers its number.
    pub(crate) fn asks(&mut self, request: Request) -> usize {
        self.now += 1;
        let may_have_ordered = request.what != What::Nothing;
        self.asked.push(Asked { request, since: self.now, until: None, may_have_ordered });
        self.asked.len() - 1
    }

    /// A request was answered. `false` if it may not be answered so.
    pub(crate) fn is_told(&mut self, number: usize, told: &Told) -> bool {
        self.now += 1;
        let right = self.may_be_told(number, told);
        let request = self.asked[number].request;
        self.asked[number].until = Some(self.now);
        self.asked[number].may_have_ordered = matches!(told, Told::Ordered(_));
        if let Told::Ordered(order) | Told::Replayed(order) = told {
            self.orders.insert(request.key, order.clone());
            self.settled.entry(request.key).or_insert((request, self.now));
        }
        right && (!matches!(told, Told::Ordered(_)) || self.heard.insert(request.key))
    }

    fn may_be_told(&self, number: usize, told: &Told) -> bool {
        let Asked { request, since, .. } = self.asked[number];
        let settled = self.settled.get(&request.key);
        let may_be_shown = |order: &Order| {
            (order.key, order.what) == (request.key, request.what)
                && self.orders.get(&request.key).is_none_or(|known| known == order)
                && settled.is_none_or(|(first, _)| first.is_same(request))
        };
        // What was known when it was sent decides alone.
        if let Some((first, _)) = settled.filter(|(_, known)| *known < since) {
            return match told {
                Told::Replayed(order) => may_be_shown(order),
                Told::OtherRequest => first.who == request.who && first.what != request.what,
                Told::OtherCaller => first.who != request.who,
                Told::Ordered(_) | Told::InProgress | Told::Invalid => false,
            };
        }
        // Otherwise whoever may have had the key from then on, or may have left an order.
        let running = |other: &Asked| other.until.is_none_or(|until| until > since);
        let had = |by: &dyn Fn(&Asked) -> bool| {
            self.asked.iter().enumerate().any(|(other, asked)| {
                let had_key = running(asked) || asked.may_have_ordered;
                other != number && asked.request.key == request.key && had_key && by(asked)
            })
        };
        match told {
            Told::Invalid => request.what == What::Nothing,
            Told::Ordered(order) => may_be_shown(order),
            Told::Replayed(order) => {
                may_be_shown(order) && had(&|o| o.request.is_same(request) && o.may_have_ordered)
            }
            Told::InProgress => had(&|o| o.request.is_same(request) && running(o)),
            Told::OtherRequest => {
                had(&|o| o.request.who == request.who && o.request.what != request.what)
            }
            Told::OtherCaller => had(&|o| o.request.who != request.who),
        }
    }

    /// The process is gone, and so is all that was running.
    pub(crate) fn process_ends(&mut self) {
        self.now += 1;
        self.asked.iter_mut().for_each(|asked| asked.until = asked.until.or(Some(self.now)));
    }

    /// The orders were listed. `false` if these cannot be all.
    pub(crate) fn lists(&mut self, listed: &[Order]) -> bool {
        let all: BTreeMap<Key, Order> = listed.iter().map(|o| (o.key, o.clone())).collect();
        let none_twice = all.len() == listed.len();
        let none_lost = self.orders.iter().all(|(key, known)| all.get(key) == Some(known));
        for asked in &mut self.asked {
            let listed = all.get(&asked.request.key).map(|order| order.what);
            let too_late = listed.is_none() && asked.until.is_some();
            let another = listed.is_some_and(|what| what != asked.request.what);
            asked.may_have_ordered &= !too_late && !another;
        }
        let each_was_asked_for = all.keys().all(|key| {
            self.asked.iter().any(|asked| asked.request.key == *key && asked.may_have_ordered)
        });
        self.orders = all;
        none_twice && none_lost && each_was_asked_for
    }

    /// The keys of orders whose first answer nobody heard: their clients had gone, or the process.
    pub(crate) fn unheard(&self) -> impl Iterator<Item = Key> {
        self.orders.keys().copied().filter(|key| !self.heard.contains(key))
    }
}
