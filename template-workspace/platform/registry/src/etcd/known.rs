//! The records of a service that are known, and those that are kept although etcd no longer has them.
//!
//! An etcd that lost its data, or a record deleted by hand, must not cost a call: the instance is alive and registers
//! again within seconds. So two kinds of records stay for a time: those that are missing from a new list, and the last
//! one of a service. A call to a last instance that is really gone fails as one to no instance does.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use crate::Instance;

pub(super) struct Known {
    records: BTreeMap<Vec<u8>, Record>,
    /// How long a record stays that etcd no longer has.
    grace: Duration,
}

struct Record {
    instance: Arc<Instance>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Present,
    /// A new list does not have it. It stays until then.
    Missing(Instant),
    /// It was deleted as the last one. It stays until then, or until there is another.
    Deleted(Instant),
}

impl Known {
    pub fn new(grace: Duration) -> Self {
        Self {
            records: BTreeMap::new(),
            grace,
        }
    }

    /// Takes a new list of all records.
    pub fn replace(&mut self, list: Vec<(Vec<u8>, Instance)>, now: Instant) {
        let until = now + self.grace;
        for record in self.records.values_mut() {
            if record.state == State::Present {
                record.state = State::Missing(until);
            }
        }
        for (key, instance) in list {
            self.put(key, instance);
        }
        self.expire(now);
    }

    pub fn put(&mut self, key: Vec<u8>, instance: Instance) {
        let record = Record {
            instance: Arc::new(instance),
            state: State::Present,
        };
        self.records.insert(key, record);
        self.records
            .retain(|_, record| !matches!(record.state, State::Deleted(_)));
    }

    pub fn delete(&mut self, key: &[u8], now: Instant) {
        let until = now + self.grace;
        let others = self.records.iter().filter(|(other, _)| *other != key);
        let is_last = others.count() == 0;
        if let Some(record) = self.records.get_mut(key) {
            record.state = State::Deleted(until);
        }
        if !is_last {
            self.records.remove(key);
        }
    }

    /// Removes what has stayed for its time.
    pub fn expire(&mut self, now: Instant) {
        self.records
            .retain(|_, record| record.end().is_none_or(|end| end > now));
    }

    /// When the next record has stayed for its time.
    pub fn next_end(&self) -> Option<Instant> {
        self.records.values().filter_map(Record::end).min()
    }

    pub fn instances(&self) -> Arc<[Arc<Instance>]> {
        let instances = self.records.values().map(|record| &record.instance);
        instances.cloned().collect()
    }
}

impl Record {
    fn end(&self) -> Option<Instant> {
        match self.state {
            State::Present => None,
            State::Missing(end) | State::Deleted(end) => Some(end),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRACE: Duration = Duration::from_secs(15);

    fn record(id: &str) -> (Vec<u8>, Instance) {
        let instance = Instance {
            id: id.to_owned(),
            name: "core".to_owned(),
            version: String::new(),
            metadata: BTreeMap::new(),
            endpoints: Vec::new(),
        };
        (id.into(), instance)
    }

    fn known(ids: &[&str], now: Instant) -> Known {
        let mut known = Known::new(GRACE);
        known.replace(ids.iter().map(|id| record(id)).collect(), now);
        known
    }

    fn ids(known: &Known) -> String {
        let instances = known.instances();
        let ids = instances.iter().map(|instance| instance.id.as_str());
        ids.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn one_of_several_is_gone_as_soon_as_it_is_deleted() {
        let now = Instant::now();
        let mut known = known(&["a", "b"], now);
        known.delete(b"a", now);
        assert_eq!(ids(&known), "b");
        assert_eq!(known.next_end(), None);
    }

    #[test]
    fn the_last_one_stays_until_there_is_another() {
        let now = Instant::now();
        let mut known = known(&["a"], now);
        known.delete(b"a", now);
        assert_eq!(ids(&known), "a");
        let (key, instance) = record("b");
        known.put(key, instance);
        assert_eq!(ids(&known), "b");
    }

    #[test]
    fn the_last_one_is_gone_when_its_time_is_over() {
        let now = Instant::now();
        let mut known = known(&["a"], now);
        known.delete(b"a", now);
        assert_eq!(known.next_end(), Some(now + GRACE));
        known.expire(now + GRACE - Duration::from_millis(1));
        assert_eq!(ids(&known), "a");
        known.expire(now + GRACE);
        assert_eq!(ids(&known), "");
    }

    #[test]
    fn an_etcd_that_lost_its_data_costs_no_instance_that_comes_back() {
        let now = Instant::now();
        let mut known = known(&["a", "b", "c"], now);
        known.replace(Vec::new(), now);
        assert_eq!(ids(&known), "a b c");
        for id in ["a", "b"] {
            let (key, instance) = record(id);
            known.put(key, instance);
            assert_eq!(ids(&known), "a b c");
        }
        known.expire(now + GRACE);
        assert_eq!(ids(&known), "a b");
    }

    #[test]
    fn lists_that_come_again_and_again_keep_nothing_for_longer() {
        let now = Instant::now();
        let mut known = known(&["a", "b"], now);
        for seconds in [1, 5, 10, 14] {
            known.replace(vec![record("a")], now + Duration::from_secs(seconds));
        }
        assert_eq!(ids(&known), "a b");
        known.replace(vec![record("a")], now + GRACE + Duration::from_secs(1));
        assert_eq!(ids(&known), "a");
    }
}
