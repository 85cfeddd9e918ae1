#include "libiscsi/core/session/nops.hpp"

namespace iscsi {
namespace {

// What a flood of pings can make us hold.
constexpr std::uint32_t most_waiting = 32;

} // namespace

void nops::ping(connection& over) {
    nop_out pdu;
    pdu.initiator_task_tag = context_.tags.next(control_purpose::ping);
    send(over, pdu);
}

std::optional<std::uint32_t> nops::probe(connection& over) {
    nop_out pdu;
    pdu.initiator_task_tag = context_.tags.next(control_purpose::ping);
    return send(over, pdu) ? std::optional(pdu.initiator_task_tag) : std::nullopt;
}

void nops::answer(connection& over, const nop_in& ping) {
    nop_out pdu;
    pdu.lun = ping.lun;
    pdu.target_transfer_tag = ping.target_transfer_tag;
    send(over, pdu);
}

void nops::acknowledge(connection& over, const lun_field& lun) {
    nop_out pdu;
    pdu.lun = lun;
    send(over, pdu);
}

// False: too many are on their way already.
bool nops::send(connection& over, nop_out pdu) {
    if (waiting_.held >= most_waiting)
        return false;
    pdu.immediate = true;
    pdu.command_sn = context_.window.next();
    over.send(pdu, {{}, &waiting_, false});
    ++context_.statistics.noptx_pdus;
    return true;
}

} // namespace iscsi
