#include "libiscsi/core/session/command_sender.hpp"

#include "libiscsi/core/session/transfer.hpp"
#include "libiscsi/core/session/unit.hpp"

namespace iscsi {
namespace {

// `unasked`: bytes that follow in Data-Out PDUs; the last PDU of those has the F bit then
// (§11.3.1).
scsi_command pdu_of(const task& what, std::uint32_t unasked) {
    scsi_command pdu;
    pdu.final = unasked == 0;
    pdu.read = what.is_read();
    pdu.write = what.is_write();
    pdu.attribute = what.what.attribute;
    pdu.lun = what.what.lun;
    pdu.initiator_task_tag = what.id;
    pdu.expected_data_transfer_length = what.expected_length();
    pdu.command_sn = what.command_sn;
    pdu.cdb = what.what.cdb;
    return pdu;
}

} // namespace

void command_sender::emit(connection& to) {
    while (to.has_room(context_.now) && emit_one(to)) {
    }
}

// Commands and data take turns, so that neither starves the other.
bool command_sender::emit_one(connection& to) {
    commands_turn_ = !commands_turn_;
    if (commands_turn_ && emit_command(to))
        return true;
    if (to.send_data_out()) {
        ++context_.statistics.dataout_pdus;
        return true;
    }
    return !commands_turn_ && emit_command(to);
}

bool command_sender::emit_command(connection& to) {
    const auto room = context_.window.room();
    if (is_held_ || room == 0)
        return false;
    auto* next = scheduler_.next(room, context_.now);
    if (next == nullptr)
        return false;
    next->unlink();
    send(*next, to);
    return true;
}

// What follows the command goes where it went: its connection has the allegiance (§4.2.2).
void command_sender::send(task& what, connection& to) {
    const auto unasked = unasked_data_of(what, context_.parameters);
    what.phase = task_phase::sent;
    what.allegiance = &to;
    what.command_sn = context_.window.take();
    const auto immediate = what.what.data_out.first(unasked.immediate);
    to.send(
        pdu_of(what, unasked.burst),
        {immediate, immediate.empty() ? nullptr : &what.ledger, false, what.id}
    );
    what.pushed_to = to.output().pushed();
    what.of->sent(what);
    scheduler_.sent(what, context_.now);
    ++context_.statistics.scsicmd_pdus;

    if (what.is_write())
        what.moved.add(0, unasked.immediate + unasked.burst);
    if (unasked.burst == 0)
        return;
    what.bursts.push({reserved_tag, what.what.lun, unasked.immediate, unasked.burst, 0});
    to.owe(what);
}

} // namespace iscsi
