// What an iSNS server says: nothing unchecked comes out, in whatever pieces it comes in.
#include "tests/fuzz/fuzz.hpp"

#include "libiscsi/isns/answer.hpp"
#include "libiscsi/names/iscsi_name.hpp"

namespace {

void check(const iscsi::isns::found_targets& found) {
    for (const auto& portal : found.portals) {
        expect(iscsi::check_iscsi_name(portal.target).has_value(), "name was checked");
        expect(portal.address.find('/') == std::string::npos, "no slash reaches a path");
        expect(!portal.address.empty() && portal.port != 0, "a portal is a place");
    }
}

void look_at(const iscsi::isns::message& what) {
    iscsi::isns::assembler again;
    const auto wire = iscsi::isns::encode(what);
    const auto copy = again.take(wire);
    expect(copy.has_value() && copy->has_value() && **copy == what, "it comes back as it went");
    check(iscsi::isns::read_targets(what));
    check(iscsi::isns::read_portals(what, "iqn.2026-01.org.example:disk"));
    static_cast<void>(iscsi::isns::registration_period_of(what));
    static_cast<void>(iscsi::isns::acknowledgement_of(what));
}

} // namespace

void fuzz_one(iscsi::bytes_view input) {
    iscsi::isns::assembler whole;
    iscsi::isns::assembler pieces;
    const auto read = whole.take(input);
    if (read && *read)
        look_at(**read);
    for (std::size_t at = 0; at < input.size(); ++at) {
        const auto some = pieces.take(input.subspan(at, 1));
        if (!some)
            return;
        if (*some) {
            expect(read.has_value() && *read == *some, "pieces make the same message");
            return;
        }
    }
}
