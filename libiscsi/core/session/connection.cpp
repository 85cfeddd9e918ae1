#include "libiscsi/core/session/connection.hpp"

#include <algorithm>

namespace iscsi {

void connection::restart() {
    framer_.restart();
    outbox_.restart();
    delivery_.restart(outbox_.pushed());
    data_out_.clear();
    status_.restart();
    is_faulty_ = false;
}

void connection::enter_full_feature(const operational_parameters& parameters) {
    const bool header_digest = parameters.header_digest == digest::crc32c;
    const bool data_digest = parameters.data_digest == digest::crc32c;
    framer_.adopt({header_digest, data_digest, parameters.max_recv_data_segment_length});
    outbox_.adopt({header_digest, data_digest});
    longest_segment_ = parameters.max_xmit_data_segment_length;
}

result<void> connection::decode() {
    auto pdu = decode_target(framer_.header());
    if (pdu.has_error())
        return pdu.error();
    current_ = *pdu;
    return {};
}

bool connection::send_data_out() {
    const auto slice = data_out_.next(std::min(longest_segment_, delivery_.longest_piece()));
    if (!slice)
        return false;
    send(slice->pdu, slice->what);
    slice->of->pushed_to = outbox_.pushed();
    return true;
}

void connection::silence(task& what) {
    what.silenced = true;
    what.bursts.clear();
    what.unlink();
    outbox_.cancel(what.ledger);
}

} // namespace iscsi
