#pragma once

#include "tests/support/memory_target.hpp"
#include "tests/support/session_world.hpp"
#include "tests/support/target_link.hpp"
#include "tests/support/wire.hpp"

#include <functional>
#include <map>
#include <memory>

namespace iscsi::test {

// A session and a memory_target with a virtual wire between them. Nothing happens but by the calls
// that say so: log_in() first, then step() or the run_*() in any order.
class pair {
  public:
    pair(session_world& world, memory_target& target) : world_(world), target_(target) {
        target_.clock = [&world] { return world.now(); };
    }

    // How the wire behaves; a test sets these before and during the run.
    std::function<std::size_t()> piece = [] { return SIZE_MAX; }; // bytes of the next move, >= 1
    std::function<bool()> accepts_connection = [] { return true; };
    std::function<void(std::vector<std::byte>&)> spoil;         // what a logged-in target says
    std::function<bool()> answers_first = [] { return false; }; // which direction moves next
    std::function<void(target_link&)> on_connect = [](auto& /*unused*/) {}; // before its login

    // Bytes a second of each direction; 0: they take no time. Before it the session's socket takes
    // that many bytes at once.
    void set_rate(std::uint64_t bytes_per_second, std::size_t socket = wire::usual_buffer);

    // Moves bytes, and time when nothing else moves, until `done`. False: nothing more can happen
    // before `patience` of virtual time is over.
    bool run_until(const std::function<bool()>& done, duration patience = std::chrono::minutes(10));

    // All that happens within that time.
    void run_for(duration time);

    bool log_in();

    // One move, of bytes or of time up to the limit. False: nothing can happen before it.
    bool step(instant limit);

    // The wire breaks; what was on it is lost.
    void cut();

    target_link* link() { return link_.get(); }

    unsigned connections() const { return connections_; } // so far

  private:
    bool pass_time(instant limit);
    std::optional<instant> next_on_wire() const;
    void answer_what_is_due();
    bool move_something();
    bool serve_events();
    void connect();
    bool move_to_target();
    bool move_to_session();
    void take_output();

    session_world& world_;
    memory_target& target_;
    std::unique_ptr<target_link> link_;
    std::uint32_t challenges_ = 0;
    unsigned connections_ = 0;
    wire to_target_;
    wire to_session_;
    std::multimap<instant, std::uint64_t> due_; // answers of the link that wait for their time
};

} // namespace iscsi::test
