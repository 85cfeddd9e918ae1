#include "tests/support/target_link.hpp"

#include "libiscsi/base/serial.hpp"

#include <algorithm>
#include <type_traits>
#include <utility>

namespace iscsi::test {
namespace {

constexpr std::size_t most_output = 1024UL * 1024; // before reads wait

// §11.17.1
constexpr std::uint8_t command_not_supported = 0x05;

std::string hex(std::uint32_t value) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string text = "0x";
    for (int shift = 28; shift >= 0; shift -= 4)
        text += digits[(value >> static_cast<unsigned>(shift)) & 0xfU];
    return text;
}

} // namespace

target_link::target_link(memory_target& target)
    : target_(&target)
    , keys_(target.options().wants, session_type::normal)
    , chap_(target.options().chap)
    , status_sn_(target.options().first_status_sn) {}

target_link::~target_link() {
    leave_late_writes();
    target_->leave(*this);
}

void target_link::received(bytes_view bytes) {
    cutter_.feed(bytes);
    while (!over_) {
        auto next = cutter_.next();
        if (next.has_error()) {
            violation(next.error().text());
            end();
            return;
        }
        if (!*next)
            return;
        handle(**next);
    }
}

void target_link::handle(const raw_pdu& pdu) {
    how_ = screen_ ? screen_(pdu) : treatment{};
    if (how_.ignore)
        return;
    const auto decoded = decode_initiator(pdu.header);
    if (decoded.has_error()) {
        violation(decoded.error().text());
        end();
        return;
    }
    const auto longest =
        phase_ == phase::login ? 8192 : target_->options().wants.max_recv_data_segment_length;
    if (pdu.data.size() > longest) // §13.12
        violation("a data segment of " + std::to_string(pdu.data.size()) + " bytes");
    if (phase_ == phase::full_feature) {
        std::visit([this, &pdu](const auto& request) { on(request, pdu.data); }, *decoded);
    } else if (const auto* const request = std::get_if<login_request>(&*decoded)) {
        handle_login(*request, pdu.data);
    } else {
        violation("not a Login Request before full feature phase");
        end();
    }
}

void target_link::violation(const std::string& what) {
    target_->complain(what);
}

// Tasks whose data have all arrived may run on without their connection.
void target_link::leave_late_writes() {
    if (!target_->options().late_writes)
        return;
    for (auto& [tag, what] : tasks_)
        if (what.command.write && what.received >= what.command.expected_data_transfer_length)
            target_->keep_late_write(what.command.lun, what.command.cdb, std::move(what.data));
}

void target_link::end() {
    leave_late_writes();
    tasks_.clear();
    over_ = true;
    target_->leave(*this);
}

// ---- numbers ------------------------------------------------------------------------------------

bool target_link::accept_numbers(
    std::uint32_t command_sn, std::uint32_t expected_status_sn, bool immediate
) {
    if (serial_before(status_sn_, expected_status_sn)) // §4.2.2.2
        violation("ExpStatSN " + hex(expected_status_sn) + " ahead of StatSN " + hex(status_sn_));
    if (command_sn != expected_command_sn_) {
        violation("CmdSN " + hex(command_sn) + ", expected " + hex(expected_command_sn_));
        return false;
    }
    if (immediate)
        return true;
    if (serial_before(max_command_sn(), command_sn)) { // §4.2.2.1
        violation("CmdSN " + hex(command_sn) + " beyond MaxCmdSN");
        return false;
    }
    ++expected_command_sn_;
    had_command_ = true;
    return true;
}

std::uint32_t target_link::window() const {
    const auto& options = target_->options();
    const auto first = options.habits.first_window;
    return first != 0 && !had_command_ ? first : options.command_window;
}

// §4.2.2.1: ExpCmdSN. Some targets let a write count only when its data are there.
std::uint32_t target_link::shown_command_sn() const {
    auto shown = expected_command_sn_;
    if (target_->options().habits.counts_writes_late)
        for (const auto& [tag, each] : tasks_)
            if (each.command.write && !each.command.immediate &&
                each.received < each.command.expected_data_transfer_length &&
                serial_before(each.command.command_sn, shown))
                shown = each.command.command_sn;
    return shown;
}

std::uint32_t target_link::max_command_sn() const {
    return highest_window_;
}

// §4.2.2.1: MaxCmdSN never moves back.
template <class Pdu>
void target_link::send(Pdu pdu, bytes_view data, bool advances_status_sn) {
    const auto shown = shown_command_sn();
    const auto highest = shown + window() - 1;
    if (output_.is_empty() && phase_ == phase::login)
        highest_window_ = highest;
    if (serial_before(highest_window_, highest))
        highest_window_ = highest;
    pdu.status_sn = status_sn_;
    pdu.expected_command_sn = shown;
    pdu.max_command_sn = highest_window_;
    if (advances_status_sn)
        ++status_sn_;
    basic_header header;
    encode(target_pdu(pdu), static_cast<std::uint32_t>(data.size()), header);
    append_pdu(output_, header, data, digests_);
}

// ---- what a target does of its own accord -------------------------------------------------------

void target_link::ping() {
    nop_in pdu;
    pdu.target_transfer_tag = next_transfer_tag_++;
    send(pdu);
}

void target_link::show_window() {
    send(nop_in{});
}

void target_link::tell(async_message message, bytes_view data) {
    send(message, data, true);
}

// §11.9.1: AsyncEvent 0 with SenseLength and sense of the unit.
void target_link::tell_attention(std::uint16_t lun, const sense_code& what) {
    const auto sense = what.answer().sense;
    std::vector<std::byte> data(2);
    store_be16(data.data(), static_cast<std::uint16_t>(sense.size()));
    data.insert(data.end(), sense.begin(), sense.end());
    async_message message;
    store_be16(message.lun.data(), lun < 256 ? lun : static_cast<std::uint16_t>(lun | 0x4000U));
    message.parameter3 = 0;
    tell(message, data);
}

// ---- requests other than SCSI commands ----------------------------------------------------------

void target_link::on(const nop_out& pdu, bytes_view data) {
    if (!accept_numbers(pdu.command_sn, pdu.expected_status_sn, pdu.immediate))
        return;
    if (pdu.initiator_task_tag == reserved_tag) { // the answer to a ping
        if (!pdu.immediate)
            violation("a NOP-Out without Initiator Task Tag must be immediate");
        return;
    }
    if (pdu.target_transfer_tag != reserved_tag) // §11.18.2
        violation("a NOP-Out with both tags");
    nop_in answer;
    answer.lun = pdu.lun;
    answer.initiator_task_tag = pdu.initiator_task_tag;
    const auto most = std::min<std::size_t>(data.size(), parameters_.max_xmit_data_segment_length);
    send(answer, data.first(most), true);
}

void target_link::on(const login_request& /*pdu*/, bytes_view /*data*/) {
    violation("a Login Request in full feature phase");
    end();
}

void target_link::on(const snack_request& pdu, bytes_view /*data*/) {
    violation("a SNACK at ErrorRecoveryLevel 0");
    turn_down(pdu, command_not_supported);
}

// §11.17: Reject, with the header that is turned down.
void target_link::turn_down(const initiator_pdu& pdu, std::uint8_t reason) {
    basic_header rejected;
    encode(pdu, 0, rejected);
    reject answer;
    answer.reason = reason;
    send(answer, rejected, true);
}

void target_link::on(const text_request& pdu, bytes_view data) {
    if (!accept_numbers(pdu.command_sn, pdu.expected_status_sn, pdu.immediate))
        return;
    if (type_ == session_type::normal && target_->options().habits.text_is_rejected)
        return turn_down(pdu, command_not_supported);
    if (how_.reject)
        return turn_down(pdu, *how_.reject);
    const auto text = parse_text(data);
    if (text.has_error())
        return violation("Text Request: " + text.error().text());
    if (pdu.target_transfer_tag == reserved_tag) {
        text_answer_ = format_text(answer_to(*text));
    } else if (!text->empty()) { // §6.2: the answer to C=1 is empty
        violation("text in the request for more text");
    }
    send_text(pdu);
}

// SendTargets, or the one key that may be negotiated in full feature phase (§13.12).
text_pairs target_link::answer_to(const text_pairs& text) {
    const auto& options = target_->options();
    if (find_value(text, "MaxRecvDataSegmentLength") != nullptr)
        return {
            {"MaxRecvDataSegmentLength",
             std::to_string(options.wants.max_recv_data_segment_length)}};
    if (find_value(text, "SendTargets") == nullptr)
        violation("a Text Request without SendTargets");
    if (!options.send_targets.empty())
        return options.send_targets;
    const auto address = options.address + "," + std::to_string(options.portal_group_tag);
    text_pairs answer{{"TargetName", options.name}, {"TargetAddress", address}};
    for (unsigned i = 1; i <= options.further_names; ++i) {
        answer.push_back({"TargetName", options.name + "-" + std::to_string(i)});
        answer.push_back({"TargetAddress", address});
    }
    return answer;
}

void target_link::send_text(const text_request& request) {
    const auto length =
        std::min<std::size_t>(text_answer_.size(), parameters_.max_xmit_data_segment_length);
    const auto piece = text_answer_.substr(0, length);
    text_answer_.erase(0, length);
    text_response answer;
    answer.final = text_answer_.empty();
    answer.continues = !answer.final;
    answer.initiator_task_tag = request.initiator_task_tag;
    answer.target_transfer_tag = answer.final ? reserved_tag : next_transfer_tag_++;
    send(answer, bytes_of(piece), true);
}

void target_link::on(const logout_request& pdu, bytes_view /*data*/) {
    if (!accept_numbers(pdu.command_sn, pdu.expected_status_sn, pdu.immediate))
        return;
    logout_response answer;
    answer.initiator_task_tag = pdu.initiator_task_tag;
    answer.time2wait = parameters_.default_time2wait;
    answer.time2retain = parameters_.default_time2retain;
    send(answer, {}, true);
    end();
}

void target_link::on(const task_management_request& pdu, bytes_view /*data*/) {
    if (!accept_numbers(pdu.command_sn, pdu.expected_status_sn, pdu.immediate))
        return;
    task_management_response answer;
    answer.initiator_task_tag = pdu.initiator_task_tag;
    answer.response = perform(pdu);
    ++target_->task_management_requests;
    if (target_->silent_task_management)
        return;
    send(answer, {}, true);
    if (pdu.function == task_management_function::target_cold_reset &&
        target_->options().habits.cold_reset_closes)
        end();
}

// Obeys, and gives the response of §11.6.1.
std::uint8_t target_link::perform(const task_management_request& request) {
    using enum task_management_function;
    constexpr std::uint8_t complete = 0;
    constexpr std::uint8_t no_such_task = 1;
    constexpr std::uint8_t not_supported = 5;
    const bool is_rare = request.function == clear_aca || request.function == clear_task_set ||
                         request.function == task_reassign;
    if (is_rare && target_->options().habits.few_task_functions)
        return not_supported;
    const bool found = abort_tasks(request) != 0;
    return request.function == abort_task && !found ? no_such_task : complete;
}

// How many tasks are gone.
std::uint32_t target_link::abort_tasks(const task_management_request& request) {
    if (request.function == task_management_function::logical_unit_reset)
        target_->land_late_writes(request.lun);
    const bool one_task = request.function == task_management_function::abort_task;
    const bool all_units = request.function == task_management_function::target_warm_reset ||
                           request.function == task_management_function::target_cold_reset;
    return static_cast<std::uint32_t>(std::erase_if(tasks_, [&](const auto& entry) {
        if (one_task)
            return entry.first == request.referenced_task_tag;
        return all_units || entry.second.command.lun == request.lun;
    }));
}

// ---- SCSI commands ------------------------------------------------------------------------------

void target_link::on(const scsi_command& pdu, bytes_view data) {
    if (!accept_numbers(pdu.command_sn, pdu.expected_status_sn, pdu.immediate))
        return;
    if (type_ == session_type::discovery) // §4.3
        return violation("a SCSI Command in a discovery session");
    const auto [at, is_new] = tasks_.try_emplace(pdu.initiator_task_tag);
    if (!is_new || pdu.initiator_task_tag == reserved_tag)
        return violation("Initiator Task Tag " + hex(pdu.initiator_task_tag) + " is in use");
    auto& fresh = at->second;
    fresh.command = pdu;
    fresh.how = std::move(how_);
    fresh.number = ++commands_;
    if (!pdu.write) {
        if (!data.empty())
            violation("immediate data of a command that writes nothing");
        return finish(at);
    }
    if (!target_->options().null)
        fresh.data.resize(pdu.expected_data_transfer_length);
    if (!data.empty() && !parameters_.immediate_data) // §13.11
        violation("immediate data, which was not negotiated");
    if (!pdu.final && parameters_.initial_r2t) // §13.10
        violation("unsolicited data, which was not negotiated");
    fresh.unsolicited_open = !pdu.final;
    store(fresh, 0, data);
    continue_write(at);
}

void target_link::on(const data_out& pdu, bytes_view data) {
    const auto at = tasks_.find(pdu.initiator_task_tag);
    if (at == tasks_.end())
        return; // of a task that was aborted meanwhile
    if (pdu.target_transfer_tag == reserved_tag)
        take_unsolicited(at->second, pdu, data);
    else
        take_solicited(at->second, pdu, data);
    continue_write(at);
}

void target_link::take_unsolicited(task& which, const data_out& pdu, bytes_view data) {
    if (!which.unsolicited_open)
        return violation("unsolicited Data-Out that was not announced or is over");
    if (pdu.data_sn != which.next_data_sn++)
        violation("unsolicited DataSN " + std::to_string(pdu.data_sn));
    store(which, pdu.buffer_offset, data);
    which.unsolicited_open = !pdu.final;
    check_unsolicited_total(which);
}

// §13.14: FirstBurstLength counts immediate data too; who begins must send all of it.
void target_link::check_unsolicited_total(const task& which) {
    const auto first_burst =
        std::min(parameters_.first_burst_length, which.command.expected_data_transfer_length);
    if (which.received > parameters_.first_burst_length)
        violation("more unsolicited data than FirstBurstLength");
    if (!which.unsolicited_open && which.received < first_burst)
        violation("unsolicited data end before FirstBurstLength");
}

void target_link::take_solicited(task& which, const data_out& pdu, bytes_view data) {
    const auto at = which.requests.find(pdu.target_transfer_tag);
    if (at == which.requests.end())
        return violation("Target Transfer Tag " + hex(pdu.target_transfer_tag) + " is not out");
    auto& request = at->second;
    if (pdu.lun != which.command.lun) // §11.7.4
        violation("Data-Out with another LUN than its R2T");
    if (pdu.data_sn != request.next_data_sn++) // §11.7.5
        violation("DataSN " + std::to_string(pdu.data_sn));
    if (pdu.buffer_offset != request.offset + request.received) {
        if (target_->options().habits.drops_wrong_offsets)
            return;
        violation("Buffer Offset " + std::to_string(pdu.buffer_offset));
    }
    request.received += static_cast<std::uint32_t>(data.size());
    if (request.received > request.length)
        return violation("more data than the R2T asked for");
    store(which, pdu.buffer_offset, data);
    if (pdu.final != (request.received == request.length)) // §11.7.2
        violation("F bit of Data-Out at " + std::to_string(pdu.buffer_offset));
    if (request.received == request.length)
        which.requests.erase(at);
}

void target_link::store(task& which, std::uint32_t offset, bytes_view data) {
    const std::size_t expected = which.command.expected_data_transfer_length;
    if (offset > expected || data.size() > expected - offset)
        return violation("data beyond the Expected Data Transfer Length");
    if (!which.data.empty())
        std::copy(
            data.begin(), data.end(), which.data.begin() + static_cast<std::ptrdiff_t>(offset)
        );
    which.received += static_cast<std::uint32_t>(data.size());
    which.asked_up_to =
        std::max(which.asked_up_to, offset + static_cast<std::uint32_t>(data.size()));
}

void target_link::continue_write(task_map::iterator at) {
    auto& now = at->second;
    if (now.unsolicited_open)
        return;
    if (now.received >= now.command.expected_data_transfer_length)
        return finish(at);
    const bool one_tag = target_->options().habits.one_transfer_tag;
    const std::size_t most = one_tag ? 1 : parameters_.max_outstanding_r2t;
    while (now.requests.size() < most && now.asked_up_to < now.command.expected_data_transfer_length
    )
        request_data(
            now, one_tag && now.transfer_tag != 0 ? now.transfer_tag : next_transfer_tag_++
        );
}

void target_link::request_data(task& which, std::uint32_t tag) {
    const auto length = std::min(
        parameters_.max_burst_length,
        which.command.expected_data_transfer_length - which.asked_up_to
    );
    r2t pdu;
    pdu.lun = which.command.lun;
    pdu.initiator_task_tag = which.command.initiator_task_tag;
    pdu.target_transfer_tag = tag;
    pdu.r2t_sn = which.next_r2t_sn++;
    pdu.buffer_offset = which.asked_up_to;
    pdu.desired_data_transfer_length = length;
    which.requests[tag] = {which.asked_up_to, length, 0, 0};
    which.transfer_tag = tag;
    which.asked_up_to += length;
    send(pdu);
}

// ---- answers ------------------------------------------------------------------------------------

// A command whose time has not come takes its place in the row of its unit, once.
bool target_link::is_late(task& which) {
    if (!postpone_ || std::exchange(which.has_waited, true))
        return false;
    const auto due = target_->due(which.command.lun, which.how.delay);
    if (due)
        postpone_(*due, which.number);
    return due.has_value();
}

// A read that would only pile up behind what has not been sent.
bool target_link::must_wait_for_room(const task& which) {
    if (!which.command.read || output_.size() < most_output)
        return false;
    reads_waiting_.push_back(which.number);
    return true;
}

gathered_output target_link::take_gathered_output() {
    auto taken = std::exchange(output_, {});
    while (!reads_waiting_.empty() && output_.size() < most_output) {
        const auto number = reads_waiting_.front();
        reads_waiting_.pop_front();
        answer(number);
    }
    return taken;
}

void target_link::finish(task_map::iterator at) {
    if (target_->holds(at->second.command.lun) || at->second.how.hold) {
        at->second.held = true;
        return;
    }
    if (at->second.how.wait) {
        at->second.is_ready = true;
        return;
    }
    if (is_late(at->second) || must_wait_for_room(at->second))
        return;
    task done = std::move(at->second);
    tasks_.erase(at);
    const auto answer =
        done.how.answer ? *std::move(done.how.answer)
                        : target_->execute(done.command.lun, done.command.cdb, done.data, nexus_);
    const bool reads = done.command.read;
    const auto length = std::min<std::size_t>(
        answer.content().size(), reads ? done.command.expected_data_transfer_length : 0
    );
    const bool exact = answer.content().size() == done.command.expected_data_transfer_length;
    const bool with_status =
        target_->options().status_in_data_in && answer.status == 0 && length > 0 && exact;
    const auto data_pdus =
        length == 0 ? 0 : send_data_in(done.command, answer.content().first(length), with_status);
    if (!with_status)
        send_scsi_response(done, answer, data_pdus + done.next_r2t_sn);
}

// F ends a sequence, at most MaxBurstLength long (§11.7.2). Returns how many PDUs it took.
std::uint32_t
target_link::send_data_in(const scsi_command& command, bytes_view data, bool with_status) {
    std::uint32_t data_sn = 0;
    std::size_t in_burst = 0;
    for (std::size_t offset = 0; offset < data.size(); ++data_sn) {
        const auto length = std::min<std::size_t>(
            {data.size() - offset,
             parameters_.max_xmit_data_segment_length,
             parameters_.max_burst_length - in_burst}
        );
        const bool last = offset + length == data.size();
        in_burst += length;
        data_in pdu;
        pdu.final = last || in_burst == parameters_.max_burst_length;
        pdu.has_status = last && with_status;
        pdu.target_transfer_tag = reserved_tag;
        pdu.initiator_task_tag = command.initiator_task_tag;
        pdu.data_sn = data_sn;
        pdu.buffer_offset = static_cast<std::uint32_t>(offset);
        send(pdu, data.subspan(offset, length), pdu.has_status);
        offset += length;
        if (pdu.final)
            in_burst = 0;
    }
    return data_sn;
}

void target_link::send_scsi_response(
    const task& which, const scsi_answer& answer, std::uint32_t expected_data_sn
) {
    scsi_response pdu;
    pdu.status = answer.status;
    pdu.initiator_task_tag = which.command.initiator_task_tag;
    pdu.expected_data_sn = expected_data_sn;
    const std::size_t expected = which.command.expected_data_transfer_length;
    const auto size = answer.content().size();
    if (which.command.read && size != expected) { // §11.4.5
        pdu.residual_underflow = size < expected;
        pdu.residual_overflow = !pdu.residual_underflow;
        pdu.residual_count =
            static_cast<std::uint32_t>(pdu.residual_underflow ? expected - size : size - expected);
    }
    std::vector<std::byte> data; // §11.4.7: SenseLength and sense
    if (!answer.sense.empty()) {
        data.resize(2);
        store_be16(data.data(), static_cast<std::uint16_t>(answer.sense.size()));
        data.insert(data.end(), answer.sense.begin(), answer.sense.end());
    }
    send(pdu, data, true);
}

// send() is a template: the login half of this class needs it too.
template void target_link::send(login_response, bytes_view, bool);

} // namespace iscsi::test
