// INQUIRY and every VPD page.
#include "libiscsi/scsi/inquiry.hpp"

#include "tests/fuzz/fuzz.hpp"

void fuzz_one(iscsi::bytes_view input) {
    (void)scsi::read_standard_inquiry(input);
    (void)scsi::read_supported_pages(input);
    (void)scsi::read_unit_serial_number(input);
    (void)scsi::read_wwid(input);
    (void)scsi::read_block_limits(input);
    (void)scsi::read_rotational(input);
    (void)scsi::read_provisioning(input);
}
