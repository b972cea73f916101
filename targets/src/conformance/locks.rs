//! The steps of locks and leases.

use std::sync::Arc;
use std::time::Duration;

use dsjepsen_engine::api::{Attempt, HoldId, LeaseId, Locks, Presence, Serve};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Broken, Examination, PATIENCE, soon};

const ABILITY: &str = "lock";

/// A time to live that nothing here outlasts.
const LONG: Duration = Duration::from_secs(60);
/// A time to live that is waited for.
const SHORT: Duration = Duration::from_secs(1);
/// How much earlier than its time a lease may end: two clocks are never quite the same.
const CLOCKS: Duration = Duration::from_millis(10);

type AllLocks = Serve<dyn Locks>;

impl Examination<'_> {
    pub(super) async fn locks(&mut self) {
        if let Some(serve) = self.abilities.locks.clone() {
            let examined = async {
                self.hold_and_release(&serve).await?;
                self.expire(&serve).await
            };
            let examined = examined.await;
            self.conclude(ABILITY, examined);
        }
    }

    async fn hold_and_release(&mut self, serve: &AllLocks) -> Result<(), Broken> {
        let (first, last) = self.ends();
        let mine = self.connect(ABILITY, serve, first)?;
        let rivals = self.connect(ABILITY, serve, last)?;
        // A second connection beside the first, as renewals use one: its keys must not meet those of the first.
        let renewals = self.connect(ABILITY, serve, first)?;
        let hold = self.hold(&mine, 1, "check-1", LONG).await?;
        let rival = self.hold(&rivals, 1, "check-2", LONG).await?;
        let token = self.acquire(&mine, "acquire a free lock", &hold).await?;
        self.refused(&rivals, &format!("acquire it for another holder, at {last}"), &rival).await?;
        for step in ["renew it", "renew it again"] {
            let came = renewals.renew(&hold, soon()).await;
            self.expect(ABILITY, step, "held", came, |presence| *presence == Presence::Held)?;
        }
        let elsewhere = self.hold(&mine, 2, "check-3", LONG).await?;
        self.acquire(&mine, "acquire another lock", &elsewhere).await?;
        let came = mine.release(&hold, soon()).await;
        self.expect(ABILITY, "release the first", "held", came, |presence| *presence == Presence::Held)?;
        let came = renewals.renew(&hold, soon()).await;
        self.expect(ABILITY, "renew what was released", "gone", came, |presence| *presence == Presence::Gone)?;
        let later = self.acquire(&rivals, "acquire it for the other holder", &rival).await?;
        if let Some(token) = token {
            let step = "compare the tokens of the two grants";
            self.expect(ABILITY, step, format!("more than {token}"), Ok(later), |later| *later > Some(token))?;
        }
        self.give_up(serve, &rivals, &rival).await
    }

    /// Who gave up must not take the lock from who has it; where a lock has no lease apart from itself, none can be given up
    /// alone.
    async fn give_up(&mut self, serve: &AllLocks, rivals: &Arc<dyn Locks>, rival: &HoldId) -> Result<(), Broken> {
        let (first, _) = self.ends();
        let third = self.connect(ABILITY, serve, first)?;
        let step = "give up an attempt of a third, who did not get it";
        let lease = third.start_lease(LONG, soon()).await;
        let lease =
            self.expect(ABILITY, "start a lease of its own, where there are such", "a lease or none", lease, |_| true)?;
        let Some(lease) = lease else {
            self.skip(ABILITY, step, "a lock has no lease apart from itself");
            return Ok(());
        };
        let waiting = HoldId { lock: rival.lock, lease, ttl: LONG };
        self.refused(&third, "acquire it for a third", &waiting).await?;
        let came = third.give_up(&waiting, soon()).await;
        self.expect(ABILITY, step, "held: its lease was there", came, |presence| *presence == Presence::Held)?;
        let came = rivals.renew(rival, soon()).await;
        self.expect(ABILITY, "renew it for its holder", "held", came, |presence| *presence == Presence::Held)?;
        Ok(())
    }

    async fn expire(&mut self, serve: &AllLocks) -> Result<(), Broken> {
        if !self.promises.leases {
            self.skip(ABILITY, "let a lease end", "leases are not promised");
            return Ok(());
        }
        let (first, last) = self.ends();
        let mine = self.connect(ABILITY, serve, first)?;
        let rivals = self.connect(ABILITY, serve, last)?;
        let began = Instant::now();
        let hold = self.hold(&mine, 3, "check-4", SHORT).await?;
        self.acquire(&mine, "acquire a lock for 1 s", &hold).await?;
        let mut renewed = began;
        for part in 1..=4 {
            sleep_until(began + SHORT * part / 3).await;
            renewed = Instant::now();
            let came = mine.renew(&hold, soon()).await;
            if part == 4 {
                let step = "renew it every third of a second, past its first end";
                self.expect(ABILITY, step, "held", came, |presence| *presence == Presence::Held)?;
            } else if came != Ok(Presence::Held) {
                self.expect(ABILITY, "renew it in time", "held", came, |_| false)?;
            }
        }
        let rival = self.hold(&rivals, 3, "check-5", LONG).await?;
        self.refused(&rivals, "acquire it for another meanwhile", &rival).await?;
        let mut came = rivals.try_acquire(&rival, soon()).await;
        while came == Ok(Attempt::Held) && renewed.elapsed() < SHORT + PATIENCE {
            sleep(Duration::from_millis(20)).await;
            came = rivals.try_acquire(&rival, soon()).await;
        }
        let waited = renewed.elapsed();
        let granted = |attempt: &Attempt| matches!(attempt, Attempt::Granted { .. }) && waited + CLOCKS >= SHORT;
        let step = format!("acquire it for another, tried until {} ms after the last renewal", waited.as_millis());
        self.expect(ABILITY, &step, "granted, after 1000 ms or more", came, granted)?;
        Ok(())
    }

    /// What an attempt hangs on: a lease of its own, or the name of the holder.
    async fn hold(&mut self, locks: &Arc<dyn Locks>, lock: u32, holder: &str, ttl: Duration) -> Result<HoldId, Broken> {
        match locks.start_lease(ttl, soon()).await {
            Ok(lease) => Ok(HoldId { lock, lease: lease.unwrap_or_else(|| LeaseId(holder.to_owned())), ttl }),
            Err(error) => {
                let failed = self.expect::<LeaseId>(ABILITY, "start a lease", "a lease", Err(error), |_| true);
                Err(failed.err().unwrap_or(Broken))
            }
        }
    }

    async fn acquire(&mut self, locks: &Arc<dyn Locks>, step: &str, hold: &HoldId) -> Result<Option<u64>, Broken> {
        let promised = self.promises.fencing_tokens;
        let expected = if promised { "granted, with a token" } else { "granted" };
        let came = locks.try_acquire(hold, soon()).await;
        let fits = |attempt: &Attempt| matches!(attempt, Attempt::Granted { token } if token.is_some() || !promised);
        match self.expect(ABILITY, step, expected, came, fits)? {
            Attempt::Granted { token } => Ok(token.filter(|_| promised)),
            Attempt::Held | Attempt::LeaseGone => Err(Broken),
        }
    }

    async fn refused(&mut self, locks: &Arc<dyn Locks>, step: &str, hold: &HoldId) -> Result<(), Broken> {
        let came = locks.try_acquire(hold, soon()).await;
        self.expect(ABILITY, step, "held by somebody else", came, |attempt| *attempt == Attempt::Held).map(drop)
    }
}
