# espat_manual_pages(PAGE.N.scd …): builds manual pages from scdoc sources, installs each into its section, and tests that man
# shows it without a warning.
function(espat_manual_pages)
  find_program(SCDOC_PROGRAM scdoc REQUIRED)
  find_program(MAN_PROGRAM man)
  find_program(SH_PROGRAM sh REQUIRED)
  set(pages)
  foreach(source IN LISTS ARGN)
    get_filename_component(source ${source} ABSOLUTE)
    get_filename_component(page ${source} NAME_WLE)
    string(REGEX MATCH "[1-8]$" section ${page})
    set(output ${CMAKE_CURRENT_BINARY_DIR}/${page})
    # scdoc reads standard input only. Without a page left behind when it fails.
    add_custom_command(
      OUTPUT ${output}
      COMMAND ${SH_PROGRAM} -c "\"$1\" <\"$2\" >\"$3\".part && mv \"$3\".part \"$3\"" sh ${SCDOC_PROGRAM} ${source} ${output}
      DEPENDS ${source}
      COMMENT "Writing the manual page ${page}"
      VERBATIM)
    list(APPEND pages ${output})
    install(FILES ${output} DESTINATION ${CMAKE_INSTALL_MANDIR}/man${section})
    if(MAN_PROGRAM AND ESPAT_TESTS AND BUILD_TESTING)
      # LC_ALL: the pages have characters beyond ASCII. man ends with 0 whatever it warns about, so silence is the test.
      add_test(NAME manual.${page}
        COMMAND ${SH_PROGRAM} -c
          "out=$(LC_ALL=C.UTF-8 MANROFFSEQ= MANWIDTH=80 \"$1\" --warnings -E UTF-8 -l -Z \"$2\" 2>&1 >/dev/null); echo \"$out\"; test -z \"$out\""
          sh ${MAN_PROGRAM} ${output})
      set_tests_properties(manual.${page} PROPERTIES TIMEOUT 20)
    endif()
  endforeach()
  add_custom_target(manual_pages ALL DEPENDS ${pages})
endfunction()
