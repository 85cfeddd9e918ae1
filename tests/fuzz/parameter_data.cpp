// READ CAPACITY, MODE SENSE, REPORT LUNS.
#include "tests/fuzz/fuzz.hpp"

#include "libiscsi/scsi/capacity.hpp"
#include "libiscsi/scsi/lun.hpp"
#include "libiscsi/scsi/mode.hpp"

void fuzz_one(iscsi::bytes_view input) {
    (void)scsi::read_capacity_10_data(input);
    (void)scsi::read_capacity_16_data(input);
    (void)scsi::read_mode_6_data(input);
    (void)scsi::read_mode_10_data(input);
    if (const auto list = scsi::read_lun_list(input); list.has_value())
        for (const auto& lun : list->luns)
            expect(scsi::lun_from_number(scsi::lun_number(lun)) == lun, "LUN round trip");
}
