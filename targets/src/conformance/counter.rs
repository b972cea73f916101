//! The steps of the counter.

use std::sync::Arc;

use dsjepsen_engine::api::{Counter, Serve};

use super::{Broken, Examination, Shown, soon};

const ABILITY: &str = "counter";

type Counters = Serve<dyn Counter>;

impl Examination<'_> {
    pub(super) async fn counter(&mut self) {
        if let Some(serve) = self.abilities.counter.clone() {
            let examined = self.count(&serve).await;
            self.conclude(ABILITY, examined);
        }
    }

    async fn count(&mut self, serve: &Counters) -> Result<(), Broken> {
        let (first, last) = self.ends();
        let one = self.connect(ABILITY, serve, first)?;
        let other = self.connect(ABILITY, serve, last)?;
        self.count_is(serve, 0).await?;
        let came = one.add("check-1", 5, soon()).await;
        self.expect(ABILITY, "add 5", "done; 5 if it tells the new value", came, |value| told(*value, 5))?;
        self.count_is(serve, 5).await?;
        let came = other.add("check-2", -3, soon()).await;
        let expected = "done; 2 if it tells the new value";
        self.expect(ABILITY, &format!("add -3 at {last}"), expected, came, |value| told(*value, 2))?;
        self.count_is(serve, 2).await?;
        if !self.promises.idempotency_keys {
            self.skip(ABILITY, "add under one key twice", "idempotency-keys are not promised");
            return Ok(());
        }
        let came = one.add("check-3", 10, soon()).await;
        let expected = "done; 12 if it tells the new value";
        let answer = self.expect(ABILITY, "add 10 under a key", expected, came, |value| told(*value, 12))?;
        let came = one.add("check-4", 1, soon()).await;
        let expected = "done; 13 if it tells the new value";
        self.expect(ABILITY, "add 1 under another key", expected, came, |value| told(*value, 13))?;
        let came = other.add("check-3", 10, soon()).await;
        let expected =
            format!("{}, as the first time", answer.map_or_else(|| "done".to_owned(), |value| value.shown()));
        let step = format!("add 10 again under the first key, at {last}");
        self.expect(ABILITY, &step, expected, came, |value| *value == answer)?;
        self.count_is(serve, 13).await
    }

    /// Every node shows this value.
    async fn count_is(&mut self, serve: &Counters, wanted: i64) -> Result<(), Broken> {
        self.everywhere(ABILITY, "read", serve, wanted, async |client: Arc<dyn Counter>| client.read(soon()).await)
            .await
    }
}

/// Whether the new value is right, if it is told.
fn told(value: Option<i64>, wanted: i64) -> bool {
    value.is_none_or(|value| value == wanted)
}
