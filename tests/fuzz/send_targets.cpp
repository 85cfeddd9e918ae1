// The answer to SendTargets: nothing unchecked comes out.
#include "tests/fuzz/fuzz.hpp"

#include "libiscsi/core/login/discovery.hpp"
#include "libiscsi/names/iscsi_name.hpp"

void fuzz_one(iscsi::bytes_view input) {
    const auto answer = iscsi::read_send_targets(input);
    expect(answer.refused.size() <= 1000, "what is refused is bounded");
    for (const auto& why : answer.refused)
        expect(why.text().find('\n') == std::string::npos, "a fault is a line");
    for (const auto& target : answer.targets) {
        expect(iscsi::check_iscsi_name(target.name).has_value(), "name was checked");
        expect(target.name.find('/') == std::string::npos, "no slash reaches a path");
        for (const auto& portal : target.portals)
            expect(portal.host.find('/') == std::string::npos, "no slash in a host");
    }
}
