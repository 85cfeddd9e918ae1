#include "iscsid/device/reservation_commands.hpp"

#include "libiscsi/scsi/sense.hpp"
#include "libiscsi/scsi/status.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace iscsid::device {

namespace {

using boost::asio::awaitable;
using scsi::sense_key;

constexpr std::uint16_t first_room = 1024;
constexpr std::uint16_t most_room = 0xfff8; // the field has 16 bits, and keys are of eight bytes
constexpr std::uint16_t state_room = 24;
constexpr int whole_list_attempts = 4; // the list may grow while it is asked for

constexpr std::string_view change_name = "PERSISTENT RESERVE OUT";
constexpr std::string_view no_connection = "the session is not connected";

// SPC-4 Annex D, those that these commands end with (§5.13).
struct sense_words {
    std::uint8_t code = 0;
    std::uint8_t qualifier = 0;
    std::string_view words;
};

constexpr std::array known_senses = {
    sense_words{0x08, 0x00, "LIO says this without its folder /var/target/pr"},
    sense_words{0x20, 0x00, "the target does not know the command"},
    sense_words{0x24, 0x00, "the target does not know this action or type"},
    sense_words{0x25, 0x00, "there is no such LUN"},
    sense_words{0x26, 0x00, "the target does not take these keys"},
    sense_words{0x26, 0x04, "the reservation is of another type than the one to release"},
    sense_words{0x55, 0x02, "no room for another reservation"},
    sense_words{0x55, 0x04, "no room for another registration"},
};

std::string words_of(const lane::scsi_outcome& outcome) {
    std::string words =
        scsi::describe({outcome.done.response, outcome.done.status, outcome.sense_bytes});
    const auto sense = scsi::read_sense(outcome.sense_bytes);
    if (!sense)
        return words;
    const auto* const known = std::ranges::find_if(known_senses, [&](const sense_words& each) {
        return each.code == sense->additional_code &&
               each.qualifier == sense->additional_code_qualifier;
    });
    if (known != known_senses.end())
        words.append(" (").append(known->words).append(")");
    return words;
}

reserve_end end_as(reserve_ending how, std::string_view why) {
    return {how, std::string(change_name).append(": ").append(why)};
}

// Whoever has ended it was not the target.
reserve_end end_without_answer(const iscsi::task_done& done) {
    const bool is_lost = done.outcome == iscsi::task_result::lost;
    if (done.may_have_run)
        return end_as(
            reserve_ending::unknown,
            is_lost ? "the connection was lost before the answer" : "no answer, aborted"
        );
    if (!is_lost)
        return end_as(reserve_ending::too_late, "the target took no command in time");
    if (done.why_lost == iscsi::loss_reason::unit_given_up)
        return end_as(reserve_ending::too_late, "the unit was given up, it answers no commands");
    return {reserve_ending::not_sent, std::string(no_connection)};
}

reserve_ending ending_of_illegal_request(const scsi::sense_data& sense) {
    constexpr std::uint8_t unknown_command = 0x20;
    constexpr std::uint8_t unknown_field = 0x24;
    constexpr std::uint8_t no_such_unit = 0x25;
    if (sense.additional_code == no_such_unit)
        return reserve_ending::no_unit;
    return sense.additional_code == unknown_command || sense.additional_code == unknown_field
               ? reserve_ending::unsupported
               : reserve_ending::refused;
}

// Said before anything is done (SPC-4 §4.5.5, §4.5.6): a deferred error, a unit attention, and that
// the unit is not ready for commands (04). LIO says NOT READY 08/00, too, when it has registered a
// key and cannot write that to its file.
bool comes_first(const scsi::sense_data& sense) {
    constexpr std::uint8_t not_ready_code = 0x04;
    return sense.deferred || sense.key == sense_key::unit_attention ||
           (sense.key == sense_key::not_ready && sense.additional_code == not_ready_code);
}

// Of CHECK CONDITION. ABORTED COMMAND, HARDWARE ERROR and their like come at any time.
judged_change judge_sense(const lane::scsi_outcome& outcome) {
    const auto sense = scsi::read_sense(outcome.sense_bytes);
    const auto why = words_of(outcome);
    if (!sense)
        return {end_as(reserve_ending::unknown, why)};
    if (comes_first(*sense))
        return {end_as(reserve_ending::busy, why), true};
    if (sense->key == sense_key::illegal_request)
        return {end_as(ending_of_illegal_request(*sense), why)};
    const bool was_refused = sense->key == sense_key::data_protect;
    return {end_as(was_refused ? reserve_ending::refused : reserve_ending::unknown, why)};
}

scsi::disposition judged(const lane::scsi_outcome& outcome) {
    return scsi::judge({outcome.done.response, outcome.done.status, outcome.sense_bytes});
}

reserve_end end_of_question(const reply& said) {
    if (said.good)
        return {reserve_ending::done};
    if (said.judged.lun_gone)
        return {reserve_ending::no_unit, said.why + " (there is no such LUN)"};
    if (said.is_transient)
        return {reserve_ending::busy, said.why};
    if (said.judged.unsupported)
        return {reserve_ending::unsupported, said.why + " (the target cannot tell)"};
    return {reserve_ending::refused, said.why};
}

reserve_end bad_answer(std::string why) {
    return {reserve_ending::bad_answer, "PERSISTENT RESERVE IN: " + std::move(why)};
}

} // namespace

judged_change judge_change(const lane::scsi_outcome& outcome) {
    using enum scsi::status;
    const auto& done = outcome.done;
    if (done.outcome == iscsi::task_result::lost || done.outcome == iscsi::task_result::aborted)
        return {end_without_answer(done)};
    if (judged(outcome).what == scsi::verdict::success) // GOOD counts, whatever the residual says
        return {{reserve_ending::done}};
    const auto why = words_of(outcome);
    if (done.response != 0) // RFC 7143 §11.4.3: it may have ended anywhere
        return {end_as(reserve_ending::unknown, why)};
    const auto status = static_cast<scsi::status>(done.status);
    if (status == check_condition)
        return judge_sense(outcome);
    if (status == reservation_conflict)
        return {end_as(reserve_ending::conflict, why)};
    if (status == busy || status == task_set_full || status == aca_active)
        return {end_as(reserve_ending::busy, why), true};
    return {end_as(reserve_ending::unknown, why)};
}

reservation_commands::reservation_commands(
    command_function execute, const iscsi::lun_field& lun, const scan_clock& clock
)
    : execute_(std::move(execute))
    , lun_(lun)
    , clock_(clock)
    , questions_(
          [run = execute_](const iscsi::command& what
          ) -> awaitable<iscsi::result<lane::scsi_outcome>> { co_return co_await run(what); },
          patience{},
          clock,
          lun
      ) {}

awaitable<reserve_answer<std::vector<std::byte>>>
reservation_commands::ask(scsi::reserve_in what, std::uint16_t room) {
    auto said = co_await questions_.run(scsi::persistent_reserve_in(what, room), room);
    reserve_answer<std::vector<std::byte>> answer;
    if (said.has_error()) {
        answer.end = {reserve_ending::not_sent, std::string(no_connection)};
        co_return answer;
    }
    answer.end = end_of_question(*said);
    answer.value = std::move(said->data);
    co_return answer;
}

template <class List>
awaitable<reserve_answer<List>> reservation_commands::read_list(
    scsi::reserve_in what, iscsi::result<List> (*read)(iscsi::bytes_view, std::size_t)
) {
    reserve_answer<List> answer;
    std::uint16_t room = first_room;
    for (int attempt = 0; attempt < whole_list_attempts; ++attempt) {
        const auto said = co_await ask(what, room);
        answer.end = said.end;
        if (!said.end.is_done())
            co_return answer;
        auto list = read(said.value, room);
        if (!list) {
            answer.end = bad_answer(list.error().text());
            co_return answer;
        }
        answer.value = *std::move(list);
        const auto needed = answer.value.needed_length;
        if (needed <= room)
            co_return answer;
        if (needed > most_room) {
            answer.end = bad_answer(
                "a list of " + std::to_string(needed) + " bytes, more than can be asked for"
            );
            co_return answer;
        }
        room = static_cast<std::uint16_t>(needed);
    }
    answer.end = bad_answer("a list that is longer each time");
    co_return answer;
}

template <class State>
awaitable<reserve_answer<State>> reservation_commands::read_state(
    scsi::reserve_in what, iscsi::result<State> (*read)(iscsi::bytes_view)
) {
    reserve_answer<State> answer;
    const auto said = co_await ask(what, state_room);
    answer.end = said.end;
    if (!said.end.is_done())
        co_return answer;
    auto state = read(said.value);
    if (state)
        answer.value = *std::move(state);
    else
        answer.end = bad_answer(state.error().text());
    co_return answer;
}

awaitable<reserve_answer<scsi::registered_keys>> reservation_commands::read_keys() {
    return read_list(scsi::reserve_in::read_keys, &scsi::read_registered_keys);
}

awaitable<reserve_answer<scsi::full_status>> reservation_commands::read_full_status() {
    return read_list(scsi::reserve_in::read_full_status, &scsi::read_full_status);
}

awaitable<reserve_answer<scsi::reservation_state>> reservation_commands::read_reservation() {
    return read_state(scsi::reserve_in::read_reservation, &scsi::read_reservation);
}

awaitable<reserve_answer<scsi::reservation_capabilities>>
reservation_commands::report_capabilities() {
    return read_state(scsi::reserve_in::report_capabilities, &scsi::read_reservation_capabilities);
}

awaitable<reserve_end> reservation_commands::change(
    scsi::reserve_out what, std::optional<scsi::reservation_type> type, scsi::reserve_keys keys
) {
    const auto list = keys.list();
    iscsi::command order;
    order.lun = lun_;
    order.cdb = scsi::persistent_reserve_out(what, type);
    order.data_out = list;
    order.goes_once = true;
    retry_budget budget(patience{});
    while (true) {
        is_open_ = true;
        const auto outcome = co_await execute_(order);
        auto last = judge_change(outcome);
        is_open_ = last.end.how == reserve_ending::unknown;
        const auto pause =
            last.may_repeat ? budget.pause_before_retry(judged(outcome)) : std::nullopt;
        if (!pause)
            co_return std::move(last.end);
        trouble_ = last.end.why;
        co_await clock_.sleep(*pause);
    }
}

reserve_end reservation_commands::end_of_wait(iscsi::duration limit) const {
    if (is_open_)
        return end_as(reserve_ending::unknown, "no answer");
    return {
        reserve_ending::too_late, trouble_.empty() ? questions_.describe_wait(limit) : trouble_};
}

} // namespace iscsid::device
