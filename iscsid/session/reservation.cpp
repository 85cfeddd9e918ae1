#include "iscsid/session/reservation.hpp"

#include "iscsid/device/within.hpp"

#include "libiscsi/net/pending.hpp"
#include "libiscsi/scsi/lun.hpp"

#include <boost/asio/this_coro.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace iscsid::session {

namespace {

namespace admin = iscsi::admin;
namespace asio = boost::asio;
using admin::exit_code;
using admin::reserve_verb;
using device::reserve_end;
using device::reserve_ending;

// For an answer that the lane owes in any case, when all of its own limits are over.
constexpr auto longest_command = std::chrono::minutes(10);

exit_code code_of(reserve_ending how) {
    switch (how) {
    case reserve_ending::done:
        return exit_code::success;
    case reserve_ending::conflict:
        return exit_code::busy;
    case reserve_ending::no_unit:
        return exit_code::no_objects_found;
    case reserve_ending::unsupported:
        return exit_code::not_supported;
    case reserve_ending::busy:
        return exit_code::again;
    case reserve_ending::refused:
        return exit_code::invalid;
    case reserve_ending::not_sent:
        return exit_code::session_not_connected;
    case reserve_ending::too_late:
        return exit_code::request_timed_out;
    case reserve_ending::bad_answer:
        return exit_code::error;
    case reserve_ending::unknown:
        break;
    }
    return exit_code::pdu_timeout;
}

// ---- what is sent -------------------------------------------------------------------------------

scsi::reserve_out action_of(reserve_verb verb) {
    switch (verb) {
    case reserve_verb::register_ignore:
        return scsi::reserve_out::register_and_ignore_existing_key;
    case reserve_verb::reserve:
        return scsi::reserve_out::reserve;
    case reserve_verb::release:
        return scsi::reserve_out::release;
    case reserve_verb::preempt:
        return scsi::reserve_out::preempt;
    case reserve_verb::preempt_abort:
        return scsi::reserve_out::preempt_and_abort;
    case reserve_verb::clear:
        return scsi::reserve_out::clear;
    case reserve_verb::register_key:
    case reserve_verb::unregister: // with 0 as the new key
    case reserve_verb::read_keys:
    case reserve_verb::read_reservation:
    case reserve_verb::read_full_status:
    case reserve_verb::report_capabilities:
        break;
    }
    return scsi::reserve_out::register_key;
}

// The field of the second key means another thing to each action (SPC-4 §6.16.2).
scsi::reserve_keys keys_of(const reservation_request& what) {
    const bool preempts =
        what.verb == reserve_verb::preempt || what.verb == reserve_verb::preempt_abort;
    return {what.key, preempts ? what.victim_key : what.new_key};
}

// An answer of any kind.
struct any_answer {
    reserve_end end;
    reservation_answer value{};
};

template <class T>
asio::awaitable<any_answer> kept(asio::awaitable<device::reserve_answer<T>> question) {
    auto said = co_await std::move(question);
    any_answer answer;
    answer.end = std::move(said.end);
    if (answer.end.is_done())
        answer.value = std::move(said.value);
    co_return answer;
}

asio::awaitable<any_answer>
kept_change(device::reservation_commands& unit, const reservation_request& what) {
    std::optional<scsi::reservation_type> type;
    if (what.type != 0)
        type = static_cast<scsi::reservation_type>(what.type);
    any_answer answer;
    answer.end = co_await unit.change(action_of(what.verb), type, keys_of(what));
    co_return answer;
}

asio::awaitable<any_answer>
run_verb(device::reservation_commands& unit, const reservation_request& what) {
    if (what.verb == reserve_verb::read_keys)
        return kept(unit.read_keys());
    if (what.verb == reserve_verb::read_reservation)
        return kept(unit.read_reservation());
    if (what.verb == reserve_verb::read_full_status)
        return kept(unit.read_full_status());
    if (what.verb == reserve_verb::report_capabilities)
        return kept(unit.report_capabilities());
    return kept_change(unit, what);
}

// ---- what is told -------------------------------------------------------------------------------

// What stands in the way, as far as the unit says it.
struct obstacle {
    std::optional<scsi::registered_keys> keys;
    std::optional<scsi::reservation_state> state;
};

asio::awaitable<obstacle> find_obstacle(device::reservation_commands& unit) {
    obstacle found;
    auto keys = co_await unit.read_keys();
    if (keys.end.is_done())
        found.keys = std::move(keys.value);
    auto state = co_await unit.read_reservation();
    if (state.end.is_done())
        found.state = state.value;
    co_return found;
}

std::string holder_words(const scsi::reservation_state& state) {
    if (!state.held)
        return "nobody holds a reservation";
    const auto type = admin::reservation_type_word(state.held->type);
    const bool by_all = type.ends_with("all-registrants");
    return by_all ? fmt::format("all registrants hold the reservation, {}", type)
                  : fmt::format(
                        "key {} holds the reservation, {}",
                        admin::reservation_key_text(state.held->key),
                        type
                    );
}

std::string words_about_key(const reservation_request& what, const obstacle& found) {
    const auto& registered = found.keys->keys;
    const auto key = admin::reservation_key_text(what.key);
    const bool is_registered = std::ranges::find(registered, what.key) != registered.end();
    if (what.key == 0)
        return "this initiator has registered a key, which --key must name; ";
    if (!is_registered)
        return fmt::format("key {} is not registered; ", key);
    const bool another_holds =
        what.verb == reserve_verb::reserve && found.state && found.state->held;
    return another_holds ? std::string() : fmt::format("key {} is not this initiator's; ", key);
}

std::string conflict_words(const reservation_request& what, const obstacle& found) {
    std::string words = "RESERVATION CONFLICT";
    if (found.keys || found.state)
        words += ": ";
    if (found.keys)
        words += words_about_key(what, found);
    if (found.state)
        return words + holder_words(*found.state);
    return words;
}

asio::awaitable<std::string> explain(
    device::reservation_commands& unit,
    const reservation_request& what,
    const reserve_end& end,
    const device::scan_clock& clock
) {
    if (end.how == reserve_ending::unknown)
        co_return fmt::format(
            "{}; whether it was done is not known: read-keys and read-reservation show it", end.why
        );
    if (end.how != reserve_ending::conflict)
        co_return end.why;
    const auto found = co_await device::within(explanation_limit, clock, find_obstacle(unit));
    co_return found ? conflict_words(what, *found) : end.why;
}

} // namespace

std::string words_of(const reservation_request& what) {
    const auto keys = keys_of(what);
    return fmt::format(
        "{} of LUN {} with the keys {}, {}",
        admin::row_of(what.verb).word,
        what.lun,
        admin::reservation_key_text(keys.own),
        admin::reservation_key_text(keys.service_action)
    );
}

std::string ending_words(const reservation_result& result) {
    return result.code == exit_code::success ? "done" : result.detail;
}

asio::awaitable<reservation_result> run_reservation(
    device::command_function execute, reservation_request what, const device::scan_clock& clock
) {
    device::reservation_commands unit(std::move(execute), scsi::lun_from_number(what.lun), clock);
    reservation_result result;
    auto said = co_await device::within(reservation_limit, clock, run_verb(unit, what));
    const auto end = said ? said->end : unit.end_of_wait(reservation_limit);
    result.code = code_of(end.how);
    if (said)
        result.answer = std::move(said->value);
    if (!end.is_done()) {
        const auto words = co_await explain(unit, what, end, clock);
        result.detail = fmt::format("LUN {}: {}", what.lun, words);
    }
    co_return result;
}

asio::awaitable<reservation_result>
run_reservation(lane::lane& lane, lane::session_key sid, reservation_request what) {
    const device::command_function execute = [&lane, sid](const iscsi::command& order
                                             ) -> asio::awaitable<lane::scsi_outcome> {
        iscsi::net::pending<lane::scsi_outcome> ended(co_await asio::this_coro::executor);
        lane.execute(sid, order, ended.answer());
        auto outcome = co_await ended.wait(longest_command);
        if (outcome) {
            outcome->done.sense = outcome->sense_bytes; // which has moved
            co_return *std::move(outcome);
        }
        lane::scsi_outcome silence;
        silence.done.outcome = iscsi::task_result::aborted;
        co_return silence;
    };
    co_return co_await run_reservation(execute, what, device::system_clock());
}

} // namespace iscsid::session
