//! The judges of the soak run: that each of them finds what it is there to find. `make soak` has the run itself.

#[path = "../../benches/soak/asked.rs"]
#[expect(dead_code, reason = "the bench uses more of it")]
mod asked;
#[path = "../../benches/soak/budget.rs"]
mod budget;
#[path = "../../benches/soak/judge.rs"]
mod judge;
#[path = "../../benches/soak/memory.rs"]
mod memory;
#[path = "../../benches/soak/page.rs"]
mod page;
