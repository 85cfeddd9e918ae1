#pragma once

#include "libiscsi/core/parameters.hpp"
#include "libiscsi/core/session/task.hpp"

namespace iscsi {

// The rules of one task's data (RFC 7143 §11.4, §11.7, §11.8). Each function checks one thing that
// a target said; on a fault the connection must end.

// Data that goes out without being asked for, by ImmediateData, InitialR2T and FirstBurstLength.
struct unasked_data {
    std::uint32_t immediate = 0; // in the command PDU
    std::uint32_t burst = 0;     // in Data-Out PDUs behind it
};

unasked_data unasked_data_of(const task& what, const operational_parameters& parameters);

// The place of a Data-In segment. Faults: unexpected_pdu, data_sn_gap, data_out_of_range,
// data_out_of_order.
result<mutable_bytes> accept_data_in(
    task& what, const data_in& pdu, std::uint32_t length, const operational_parameters& parameters
);

// The burst that an R2T asks for is queued. Faults: unexpected_pdu, r2t_sn_gap, r2t_out_of_range,
// too_many_r2ts, data_out_of_order.
result<void> accept_r2t(task& what, const r2t& pdu, const operational_parameters& parameters);

// The answer is noted. Faults: residual_mismatch, data_sn_gap.
result<void> accept_status(task& what, const data_in& pdu);
result<void> accept_response(task& what, const scsi_response& pdu, bytes_view data);

// Counts the bytes, when all that left has left: GOOD is good only if they add up.
void count_bytes(task& what);

} // namespace iscsi
