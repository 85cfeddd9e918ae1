// The answer to SendTargets: nothing unchecked comes out.
#include "tests/fuzz/fuzz.hpp"

#include "libiscsi/base/text.hpp"
#include "libiscsi/core/login/discovery.hpp"
#include "libiscsi/names/iscsi_name.hpp"

void fuzz_one(iscsi::bytes_view input) {
    const auto pairs = iscsi::parse_text(input, 8192);
    if (!pairs.has_value())
        return;
    for (const auto& target : iscsi::read_send_targets(*pairs).targets) {
        expect(iscsi::check_iscsi_name(target.name).has_value(), "name was checked");
        expect(target.name.find('/') == std::string::npos, "no slash reaches a path");
        for (const auto& portal : target.portals)
            expect(portal.host.find('/') == std::string::npos, "no slash in a host");
    }
}
