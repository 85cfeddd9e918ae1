// Headers of both directions: decode, encode, decode.
#include "tests/fuzz/fuzz.hpp"

#include "libiscsi/core/pdu/pdu.hpp"

void fuzz_one(iscsi::bytes_view input) {
    iscsi::basic_header header{};
    std::copy_n(input.begin(), std::min(input.size(), header.size()), header.begin());
    iscsi::basic_header again{};
    if (const auto pdu = iscsi::decode_target(header); pdu.has_value()) {
        iscsi::encode(*pdu, iscsi::data_segment_length(header), again);
        expect(iscsi::decode_target(again) == pdu, "target PDU round trip");
    }
    if (const auto pdu = iscsi::decode_initiator(header); pdu.has_value()) {
        iscsi::encode(*pdu, iscsi::data_segment_length(header), again);
        expect(iscsi::decode_initiator(again) == pdu, "initiator PDU round trip");
    }
}
