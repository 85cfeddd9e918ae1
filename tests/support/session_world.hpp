#pragma once

#include "libiscsi/core/session/session.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

namespace iscsi::test {

// One submitted command with its buffers, and how it ended.
struct work {
    command what;
    std::vector<std::byte> data; // received, or to be written
    task_id task = 0;
    bool done = false;
    task_done end;
    std::vector<std::byte> sense;

    bool good() const {
        return done && end.outcome == task_result::answered && end.response == 0 && end.status == 0;
    }
};

// The world around a session: the clock, the memory of its commands, and the ledger that each of
// them completes exactly once. Drivers (script, simulation) move the bytes.
class session_world {
  public:
    explicit session_world(session_config config);

    session& engine() { return session_; }

    instant now() const { return now_; }

    // ---- bytes ----
    // The session's next bytes, at most that many.
    std::vector<std::byte> take_sent(std::size_t most);

    // Puts bytes where the session wants them; fewer are taken only when it wants no more.
    result<void> deliver(bytes_view bytes);

    // The same in two moves, as a kernel does it: between them the session's memory is handed out.
    // The world checks that what is being sent stays as it was, and that no command completes
    // while the wire may still read or write its memory. False: there is nothing to begin.
    bool begin_send();
    std::vector<std::byte> end_send(std::size_t most);
    bool begin_receive();
    result<std::size_t> end_receive(bytes_view bytes); // how many were taken

    bool is_sending() const { return !sending_.empty(); }

    bool is_receiving() const { return !receiving_.empty(); }

    // Whatever was under way may have scribbled on its memory up to this moment.
    void lose_transport();

    // ---- time ----
    // To the next deadline; false when there is none before `limit`.
    bool pass_to_next_deadline(instant limit);
    void pass(duration time);

    void pass_to(instant when) { now_ = std::max(now_, when); } // no deadline is before it

    // ---- work ----
    // The numbers of the standard's READ(10) and WRITE(10); 512 bytes a block.
    std::uint64_t read(std::uint32_t block, std::uint16_t count);
    std::uint64_t write(std::uint32_t block, const std::vector<std::byte>& data);
    std::uint64_t submit(command what, std::vector<std::byte> data, bool reads);

    const work& entry(std::uint64_t cookie) const { return *ledger_.at(cookie); }

    std::size_t unfinished() const { return unfinished_; }

    // Long runs: the ledger keeps those that have not ended.
    void forget_finished();

    // Cookies from here on belong to others, who submit to engine() and hear of the end here.
    static constexpr std::uint64_t first_foreign_cookie = std::uint64_t{1} << 32U;
    std::function<void(const task_done&)> foreign_done;

    // logged_out has come.
    bool is_over() const { return over_; }

    const std::map<std::uint64_t, std::unique_ptr<work>>& ledger() const { return ledger_; }

    // ---- events, oldest first; task_done is in the ledger too ----
    void drain();

    std::deque<event>& events() { return events_; }

    template <class Event>
    std::optional<Event> take_event() {
        for (auto at = events_.begin(); at != events_.end(); ++at)
            if (const auto* const found = std::get_if<Event>(&*at)) {
                Event copy = *found;
                events_.erase(at);
                return copy;
            }
        return std::nullopt;
    }

  private:
    void record(const task_done& end);
    void check_sending() const;
    bool is_handed_out(bytes_view memory) const;

    instant now_{std::chrono::hours(1)};
    std::map<std::uint64_t, std::unique_ptr<work>> ledger_;
    session session_; // after the memory that it borrows
    std::deque<event> events_;
    std::vector<bytes_view> sending_;
    std::vector<std::byte> sending_copy_;
    std::vector<mutable_bytes> receiving_;
    std::uint64_t next_cookie_ = 1;
    std::size_t unfinished_ = 0; // of the ledger
    bool over_ = false;
};

constexpr std::uint32_t world_block_size = 512;

// Bytes that differ from place to place and from seed to seed.
std::vector<std::byte> pattern(std::size_t size, std::uint32_t seed);

session_config world_config();

} // namespace iscsi::test
