# After cpack has made the packages.
foreach(file IN LISTS CPACK_PACKAGE_FILES)
    if(file MATCHES "\\.ddeb$")
        execute_process(COMMAND ${CPACK_ISCSI_DEBIAN_FOLDER}/mend-symbols ${file} ${CPACK_DEBIAN_COMPRESSION_TYPE}
            COMMAND_ERROR_IS_FATAL ANY)
    endif()
endforeach()
