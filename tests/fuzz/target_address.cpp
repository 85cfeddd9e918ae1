// Portals and names.
#include "tests/fuzz/fuzz.hpp"

#include "libiscsi/names/iscsi_name.hpp"
#include "libiscsi/names/portal.hpp"

void fuzz_one(iscsi::bytes_view input) {
    (void)iscsi::parse_target_address(text_of(input));
    (void)iscsi::check_iscsi_name(text_of(input));
}
